// What registries and credential files say. The first byte picks the reader. A URL that is read and
// printed is read the same again, whatever else it was: libcurl gets the printed one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "registry/auth_file.h"
#include "registry/base64.h"
#include "registry/challenge.h"
#include "registry/document.h"
#include "registry/lane.h"
#include "registry/registries_conf.h"
#include "registry/retry.h"
#include "registry/url.h"

using namespace crank;
using namespace crank::registry;

namespace {

void url(std::string_view text) {
    auto first = Url::parse(text);
    if (!first) return;
    auto second = Url::parse(first->str());
    if (!second || second->str() != first->str() || !second->same_origin(*first)) std::abort();
    auto next = first->resolve("/x?y");
    if (!next || !next->same_origin(*first)) std::abort();
}

void document(std::string_view text) {
    bool manifest = classify(oci::kMediaTypeManifest, text).has_value();
    bool index = classify(oci::kMediaTypeIndex, text).has_value();
    if (manifest && index) std::abort();  // one document, two meanings
    std::size_t line = text.find('\n');
    if (line == std::string_view::npos) return;
    (void)classify(text.substr(0, line), text.substr(line + 1));
}

void conf(std::string_view text) {
    RegistriesConf rules;
    if (!rules.add(text, "conf")) return;
    for (const char* name : {"python", "docker.io/library/python", "registry.example:5000/a/b"}) {
        auto reference = oci::Reference::parse(name);
        for (const oci::Reference& candidate : rules.candidates(name, *reference))
            (void)rules.endpoints(candidate);
    }
}

void auth(std::string_view text) {
    Credential credential{"user", Secret("pass"), false};
    auto with = with_entry(text, "host", credential);
    if (with && parse_auth_file(text) && !parse_auth_file(*with)) std::abort();
    (void)parse_helper_answer(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 9) {
        case 0: (void)parse_challenges(text); break;
        case 1: (void)parse_token(text); break;
        case 2: document(text); break;
        case 3: url(text); break;
        case 4: conf(text); break;
        case 5: auth(text); break;
        case 6: (void)parse_platform(text); break;
        case 7: (void)parse_retry_after(text, std::chrono::sys_seconds{}); break;
        default: {
            auto fields = decode(text);
            if (fields && decode(encode(*fields)).value_or(Fields{}) != *fields) std::abort();
            auto plain = base64_decode(text);
            if (plain && base64_decode(base64_encode(*plain)) != plain) std::abort();
        }
    }
    return 0;
}
