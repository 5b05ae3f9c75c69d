// What else leads to a registry, or comes from one: URLs, registries.conf, Retry-After and Link.
// The first byte picks the reader. A URL that is read and printed is read the same again, whatever
// else it was: libcurl gets the printed one.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "registry/referrers.h"
#include "registry/registries_conf.h"
#include "registry/retry.h"
#include "registry/url.h"

using namespace crank;
using namespace crank::registry;
using crank::fuzz::require;

namespace {

void url(std::string_view text) {
    auto first = Url::parse(text);
    if (!first) return;
    auto second = Url::parse(first->str());
    require(second.has_value() && second->str() == first->str() && second->same_origin(*first));
    auto next = first->resolve("/x?y");
    require(next.has_value() && next->same_origin(*first));
}

// Where a server sends us from a URL of its own: what comes of it can be printed and read.
void redirect(std::string_view text) {
    auto base = Url::parse("https://registry.example.org:5000/v2/a/blobs/b?c=d");
    auto to = base->resolve(text);
    if (!to) return;
    auto second = Url::parse(to->str());
    require(second.has_value() && second->str() == to->str() && second->same_origin(*to));
    if (text.starts_with('/') && !text.starts_with("//")) require(to->same_origin(*base));
}

void conf(std::string_view text) {
    RegistriesConf rules;
    if (!rules.add(text, "conf")) return;
    for (const char* name : {"python", "docker.io/library/python", "registry.example:5000/a/b"}) {
        auto reference = oci::Reference::parse(name);
        for (const oci::Reference& candidate : rules.candidates(name, *reference)) {
            require(oci::Reference::parse(candidate.str()).has_value());
            auto places = rules.endpoints(candidate);
            if (places) require(!places->empty());
        }
    }
}

void retry_after(std::string_view text) {
    auto wait = parse_retry_after(text, std::chrono::sys_seconds{});
    if (wait) require(wait->count() >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 5) {
        case 0: url(input.rest()); break;
        case 1: redirect(input.rest()); break;
        case 2: conf(input.rest()); break;
        case 3: retry_after(input.rest()); break;
        default: (void)next_page(input.rest());
    }
    return 0;
}
