#include "network/port_owner.h"

#include <bit>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "sys/file.h"
#include "sys/ipv4.h"

namespace crank::network {

namespace {

constexpr std::string_view kListening = "0A";    // TCP_LISTEN in /proc/net/tcp
constexpr std::string_view kUnconnected = "07";  // TCP_CLOSE, as a bound UDP socket is shown
constexpr std::size_t kTableLimit = std::size_t{64} << 20;

// The end of an address in /proc/net/tcp's notation (words of the machine's byte order): enough to
// recognise it in the IPv4 table, and as a mapped address in the IPv6 one. Empty: any.
std::string address_suffix(const std::string& ip) {
    auto v4 = sys::parse_ipv4(ip);
    if (ip == "::1") return "00000000000000000000000001000000";
    if (!v4 || v4->value == 0) return "";
    char hex[9];
    std::uint32_t value = v4->value;
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
    std::snprintf(hex, sizeof hex, "%08X", value);
    return hex;
}

bool covers(std::string_view bound, std::string_view wanted_suffix) {
    return bound.ends_with(wanted_suffix) || bound.find_first_not_of('0') == std::string_view::npos;
}

// The inodes of the sockets that listen on `port`, from /proc/net/tcp's columns:
// "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode".
void collect_inodes(const std::string& table, std::string_view state, const std::string& ip,
                    std::uint16_t port, std::vector<std::string>& out) {
    char port_suffix[8];
    std::snprintf(port_suffix, sizeof port_suffix, ":%04X", port);
    const std::string address = address_suffix(ip);
    auto content = sys::read_file(table, kTableLimit);
    if (!content) return;
    for (const std::string& line : split(*content, '\n')) {
        std::vector<std::string> fields;
        for (std::string& field : split(line, ' '))
            if (!field.empty()) fields.push_back(std::move(field));
        if (fields.size() < 10 || fields[3] != state) continue;
        std::string_view local = fields[1];
        if (!local.ends_with(port_suffix)) continue;
        if (!covers(local.substr(0, local.size() - 5), address)) continue;
        out.push_back("socket:[" + fields[9] + "]");
    }
}

bool holds_any(const std::string& fd_dir, const std::vector<std::string>& targets) {
    auto entries = sys::list_dir(fd_dir);
    if (!entries) return false;
    for (const std::string& entry : *entries) {
        auto target = sys::read_link(fd_dir + "/" + entry);
        if (!target) continue;
        for (const std::string& wanted : targets)
            if (*target == wanted) return true;
    }
    return false;
}

}  // namespace

std::optional<PortOwner> find_port_owner(const std::string& ip, std::uint16_t port,
                                         const std::string& protocol) {
    std::vector<std::string> targets;
    // An IPv6 wildcard socket may hold the IPv4 port too, so both tables count.
    std::string_view state = protocol == "udp" ? kUnconnected : kListening;
    collect_inodes("/proc/net/" + protocol, state, ip, port, targets);
    collect_inodes("/proc/net/" + protocol + "6", state, ip, port, targets);
    if (targets.empty()) return std::nullopt;
    auto processes = sys::list_dir("/proc");
    if (!processes) return std::nullopt;
    for (const std::string& process : *processes) {
        auto pid = parse_int(process);
        if (!pid || !holds_any("/proc/" + process + "/fd", targets)) continue;
        auto name = sys::read_file("/proc/" + process + "/comm");
        if (!name) continue;
        return PortOwner{std::string(trim(*name)), static_cast<int>(*pid)};
    }
    return std::nullopt;
}

}  // namespace crank::network
