// Documents from a registry, an archive or a bundle. The first byte picks the kind. What is read
// and written once is read and written the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/docker_archive.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "oci/runtime_spec.h"

using namespace crank;
using namespace crank::oci;

namespace {

template <class F>
void round_trip(F parse, std::string_view text) {
    auto first = parse(text);
    if (!first) return;
    std::string written = serialize(*first);
    auto second = parse(written);
    if (!second || serialize(*second) != written) std::abort();
}

void reference(std::string_view text) {
    auto first = Reference::parse(text);
    if (!first) return;
    for (const std::string& written : {first->str(), first->familiar()}) {
        auto second = Reference::parse(written);
        if (!second || *second != *first) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0: round_trip(parse_image_config, text); break;
        case 1: round_trip(parse_manifest, text); break;
        case 2: round_trip(parse_index, text); break;
        case 3: round_trip(parse_docker_archive, text); break;
        case 4: round_trip(parse_runtime_spec, text); break;
        default: reference(text);
    }
    return 0;
}
