#include <cstdint>
#include <optional>

#include "base/text.h"
#include "network/network.h"
#include "sys/ipv4.h"

namespace crank::network {

namespace {

struct Range {
    std::uint32_t first = 0, last = 0;
    std::uint32_t size() const { return last - first + 1; }
};

// The parts of `[ip:][host]:container[/protocol]` as they were written.
struct Parts {
    std::string host_ip, host, container, protocol;
};

std::unexpected<Error> bad(std::string_view text, const std::string& why, Code code) {
    return fail(Error(code, "invalid port '" + std::string(text) + "': " + why)
                    .with_hint("write it as -p [IP:][HOST_PORT]:CONTAINER_PORT[/tcp|udp], for "
                               "example -p 8501:8501"));
}

std::unexpected<Error> bad(std::string_view text, const std::string& why) {
    return bad(text, why, Code::invalid_argument);
}

Result<Parts> take_apart(std::string_view text) {
    Parts parts;
    std::string_view rest = text;
    parts.protocol = "tcp";
    if (std::size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
        parts.protocol = to_lower(rest.substr(slash + 1));
        rest = rest.substr(0, slash);
        if (parts.protocol.empty()) return bad(text, "the protocol after '/' is missing");
    }
    std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        parts.container = rest;
        return parts;
    }
    parts.container = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    // An IPv6 address has colons of its own, with or without brackets.
    colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        parts.host = rest;
        return parts;
    }
    parts.host = rest.substr(colon + 1);
    parts.host_ip = rest.substr(0, colon);
    return parts;
}

Result<std::string> read_host_ip(std::string_view text, const std::string& written) {
    if (written.empty() || sys::parse_ipv4(written)) return written;
    bool bracketed = written.size() > 2 && written.front() == '[' && written.back() == ']';
    std::string address = bracketed ? written.substr(1, written.size() - 2) : written;
    if (sys::is_ipv6(address)) return address;
    return bad(text, "'" + written + "' is no IP address");
}

Result<std::uint32_t> read_number(std::string_view text, std::string_view part,
                                  std::string_view role) {
    auto value = parse_int(part);
    bool digits = part.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || !value || *value > 65535) {
        return bad(text, "the " + std::string(role) + " port '" + std::string(part) +
                             "' is no number from 1 to 65535");
    }
    return static_cast<std::uint32_t>(*value);
}

Result<Range> read_range(std::string_view text, std::string_view part, std::string_view role) {
    if (part.empty()) return bad(text, "the " + std::string(role) + " port is missing");
    std::size_t dash = part.find('-');
    Range range;
    range.first = TRY(read_number(text, part.substr(0, dash), role));
    range.last = range.first;
    if (dash != std::string_view::npos) {
        range.last = TRY(read_number(text, part.substr(dash + 1), role));
        if (range.first == 0)
            return bad(text, "the " + std::string(role) + " range starts at port 0");
    }
    if (range.last < range.first) {
        return bad(text, "the " + std::string(role) + " range '" + std::string(part) +
                             "' ends before it starts");
    }
    return range;
}

Result<std::string> read_protocol(std::string_view text, const std::string& protocol) {
    if (protocol == "tcp" || protocol == "udp") return protocol;
    if (protocol == "sctp") return bad(text, "sctp ports are not supported", Code::unsupported);
    return bad(text, "the protocol '" + protocol + "' is neither tcp nor udp");
}

}  // namespace

Result<std::vector<PortSpec>> parse_port(std::string_view text) {
    if (text.empty()) return bad(text, "it is empty");
    Parts parts = TRY(take_apart(text));
    PortSpec spec;
    spec.protocol = TRY(read_protocol(text, parts.protocol));
    spec.host_ip = TRY(read_host_ip(text, parts.host_ip));
    if (parts.host_ip.empty() && sys::parse_ipv4(parts.host)) {
        return bad(text, "'" + parts.host + "' stands where the host port should; for any free " +
                             "port of that address write " + parts.host + "::" + parts.container);
    }
    Range container = TRY(read_range(text, parts.container, "container"));
    if (container.first == 0) return bad(text, "the container port is 0");
    std::optional<Range> host;
    if (!parts.host.empty()) host = TRY(read_range(text, parts.host, "host"));
    bool any_host = !host || host->first == 0;
    if (!any_host && host->size() != container.size()) {
        if (container.size() == 1)
            return bad(text, "a range of host ports for one container port", Code::unsupported);
        return bad(text, "the host range has " + std::to_string(host->size()) +
                             " ports and the container range " + std::to_string(container.size()));
    }
    std::vector<PortSpec> specs;
    specs.reserve(container.size());
    for (std::uint32_t i = 0; i < container.size(); ++i) {
        spec.container_port = static_cast<std::uint16_t>(container.first + i);
        spec.host_port = any_host ? 0 : static_cast<std::uint16_t>(host->first + i);
        specs.push_back(spec);
    }
    return specs;
}

}  // namespace crank::network
