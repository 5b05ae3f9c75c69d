// What other engines hand over: a daemon's answers, storage.conf, the index of a layout that is
// added to. The first byte picks the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "exchange/http.h"
#include "exchange/source.h"
#include "exchange/storage_conf.h"
#include "oci/index_edit.h"

using namespace crank;
using namespace crank::exchange;

namespace {

class Text : public store::ByteSource {
public:
    explicit Text(std::string_view text) : rest_(text) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min(out.size(), rest_.size());
        if (n > 0) std::memcpy(out.data(), rest_.data(), n);
        rest_.remove_prefix(n);
        return n;
    }

private:
    std::string_view rest_;
};

void drain(store::ByteSource& source) {
    (void)store::copy_all(source, [](store::Bytes) -> Result<> { return {}; });
}

void http(std::string_view text) {
    auto answer = HttpAnswer::begin(std::make_unique<Text>(text), "it");
    if (answer) drain(**answer);
}

// An index that could be read is one that can be added to, and is read again.
void index(std::string_view text) {
    oci::Descriptor added{std::string(oci::kMediaTypeManifest), oci::Digest::of(""), 0, {}, {}};
    auto before = oci::parse_index(text);
    auto edited = oci::edit_index(text, {0}, {added});
    if (before.has_value() != edited.has_value()) std::abort();
    if (!edited) return;
    auto after = oci::parse_index(*edited);
    std::size_t kept = before->manifests.empty() ? 0 : before->manifests.size() - 1;
    if (!after || after->manifests.size() != kept + 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0: http(text); break;
        case 1: index(text); break;
        case 2: (void)parse_storage_conf(text, {{"HOME", "/root"}}); break;
        default: (void)parse_source(text); break;
    }
    return 0;
}
