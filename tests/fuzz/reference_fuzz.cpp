// Names of images, digests and platforms, as people and files write them. The first byte picks the
// reader. What is read is what stands there: written again, in full or as a person would, it is
// read the same, and it leads to no other registry.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/document.h"

using namespace crank;
using namespace crank::oci;
using crank::fuzz::require;

namespace {

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

void reference(std::string_view text) {
    auto first = Reference::parse(text);
    if (!first) return;
    require(!first->domain.empty() && !first->repository.empty());
    require(!first->tag.empty() || first->digest.has_value());
    require(first->tag.size() <= 128 && first->repository.size() <= 255);
    require(is_printable(first->str()) && is_printable(first->familiar()));
    require(first->repository.find("..") == std::string::npos);
    for (const std::string& written : {first->str(), first->familiar()}) {
        auto second = Reference::parse(written);
        require(second.has_value() && *second == *first);
    }
    auto name = Reference::parse(first->familiar_name());
    require(name.has_value() || looks_like_id(first->familiar_name()));
    if (name) require(name->domain == first->domain && name->repository == first->repository);
}

void digest(std::string_view text) {
    auto first = Digest::parse(text);
    if (!first) return;
    require(first->str() == text && looks_like_id(text) && looks_like_id(first->short_hex()));
    auto second = Digest::from_hex_text(first->hex());
    require(second.has_value() && *second == *first);
}

void platform(std::string_view text) {
    auto first = registry::parse_platform(text);
    if (!first) return;
    auto second = registry::parse_platform(registry::text_of(*first));
    require(second.has_value() && *second == *first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 4) {
        case 0: digest(input.rest()); break;
        case 1: platform(input.rest()); break;
        default: reference(input.rest());
    }
    return 0;
}
