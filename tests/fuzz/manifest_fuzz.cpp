// The documents of images: manifest, index, configuration, docker-archive's list. The first byte
// picks the kind. What is read and written once is read and written the same again, no document has
// two meanings, and an index that could be read is one that can be added to.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "oci/docker_archive.h"
#include "oci/image.h"
#include "oci/index_edit.h"
#include "registry/document.h"
#include "registry/referrers.h"

using namespace crank;
using namespace crank::oci;
using crank::fuzz::require;

namespace {

template <class F>
void round_trip(F parse, std::string_view text) {
    auto first = parse(text);
    if (!first) return;
    std::string written = serialize(*first);
    auto second = parse(written);
    require(second.has_value() && serialize(*second) == written);
}

void classify(std::string_view text) {
    bool manifest = registry::classify(kMediaTypeManifest, text).has_value();
    bool index = registry::classify(kMediaTypeIndex, text).has_value();
    require(!manifest || !index);
    auto kind = registry::is_index_document(text);
    if (manifest || index) require(kind.has_value() && *kind == index);
}

// With a Content-Type of the registry's choice.
void classify_as(std::string_view type, std::string_view text) {
    auto kind = registry::classify(type, text);
    if (!kind) return;
    if (*kind == registry::DocumentKind::manifest)
        require(parse_manifest(text).has_value() && !parse_index(text));
    else
        require(parse_index(text).has_value() && !parse_manifest(text));
}

void index(std::string_view text) {
    round_trip(parse_index, text);
    Descriptor added{std::string(kMediaTypeManifest), Digest::of(""), 0, {}, {}};
    auto before = parse_index(text);
    auto edited = edit_index(text, {0}, {added});
    require(before.has_value() == edited.has_value());
    if (!before) return;
    auto after = parse_index(*edited);
    std::size_t kept = before->manifests.empty() ? 0 : before->manifests.size() - 1;
    require(after.has_value() && after->manifests.size() == kept + 1);
    require(after->manifests.back().digest == added.digest);
    auto chosen = registry::select(*before, registry::host_platform());
    if (!chosen) return;
    require(std::ranges::any_of(before->manifests, [&](const Descriptor& descriptor) {
        return descriptor.digest == chosen->digest;
    }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 7) {
        case 0: round_trip(parse_image_config, input.rest()); break;
        case 1: round_trip(parse_manifest, input.rest()); break;
        case 2: index(input.rest()); break;
        case 3: round_trip(parse_docker_archive, input.rest()); break;
        case 4: classify(input.rest()); break;
        case 5: {
            std::string_view type = input.until('\n');
            classify_as(type, input.rest());
            break;
        }
        default: (void)registry::parse_referrers(input.rest());
    }
    return 0;
}
