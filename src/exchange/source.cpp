#include "exchange/source.h"

#include <algorithm>
#include <array>

namespace crank::exchange {

namespace {

struct Named {
    std::string_view name;
    Transport transport;
};
constexpr std::array kTransports{
    Named{"oci", Transport::oci},
    Named{"oci-archive", Transport::oci_archive},
    Named{"docker-archive", Transport::docker_archive},
    Named{"dir", Transport::dir},
    Named{"docker-daemon", Transport::docker_daemon},
    Named{"docker", Transport::docker_daemon},
    Named{"containers-storage", Transport::containers_storage},
};
constexpr auto kNames = [] {
    std::array<std::string_view, kTransports.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kTransports[i].name;
    return names;
}();

// "PATH[:NAME]": paths hold no colon, as with skopeo.
Result<> read_path(std::string_view rest, Source& out) {
    std::size_t colon = std::min(rest.find(':'), rest.size());
    out.path = rest.substr(0, colon);
    out.name = rest.substr(std::min(colon + 1, rest.size()));
    if (out.path.empty()) return fail(Code::usage, "it names no file or directory");
    return {};
}

// "[DRIVER@ROOT+RUNROOT:OPTIONS]NAME", each part of it optional; the last two say nothing here.
Result<> read_storage(std::string_view rest, Source& out) {
    if (rest.starts_with('[')) {
        std::size_t end = rest.find(']');
        if (end == std::string_view::npos) return fail(Code::usage, "'[' without ']'");
        std::string_view place = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
        if (std::size_t at = place.find('@'); at != std::string_view::npos) {
            out.driver = place.substr(0, at);
            place.remove_prefix(at + 1);
        }
        out.path = place.substr(0, place.find_first_of("+:"));
        if (!out.path.starts_with('/'))
            return fail(Code::usage, "'" + out.path + "' is no absolute path");
    }
    out.name = rest;
    return {};
}

Result<> read_rest(std::string_view typed, std::string_view rest, Source& out) {
    switch (out.transport) {
        case Transport::dir:
            out.path = rest;
            if (rest.empty()) return fail(Code::usage, "it names no directory");
            return {};
        case Transport::docker_daemon:
            if (typed == "docker" && !rest.starts_with("//"))
                return fail(Code::usage, "it is written docker://NAME");
            if (rest.starts_with("//")) rest.remove_prefix(2);
            out.name = rest;
            return {};
        case Transport::containers_storage: return read_storage(rest, out);
        default: return read_path(rest, out);
    }
}

}  // namespace

std::span<const std::string_view> transport_names() { return kNames; }

Result<std::optional<Source>> parse_source(std::string_view text) {
    std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::optional<Source>();
    std::string_view word = text.substr(0, colon);
    auto found = std::ranges::find(kTransports, word, &Named::name);
    if (found == kTransports.end()) return std::optional<Source>();
    Source out;
    out.transport = found->transport;
    TRY_IN(read_rest(word, text.substr(colon + 1), out), std::string(text));
    return std::optional(std::move(out));
}

}  // namespace crank::exchange
