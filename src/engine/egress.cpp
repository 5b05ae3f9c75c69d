#include "engine/egress.h"

#include <endian.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "engine/pasta_options.h"
#include "network/network.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/ipv4.h"
#include "sys/ipv6.h"
#include "sys/netns.h"
#include "sys/own_user_namespace.h"
#include "sys/rtnetlink.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

constexpr const char* kPasta = "/usr/bin/pasta";
constexpr const char* kTun = "/dev/net/tun";
constexpr std::string_view kNoEgress =
    "the container reaches no other machine: published ports work, and nothing leads out";

// In the words of route(5) of /proc: bytes of the network in a number of the machine's.
std::optional<sys::Ipv4> read_address(const std::string& hex) {
    std::uint32_t number = 0;
    auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
    if (error != std::errc() || end != hex.data() + hex.size()) return std::nullopt;
    return sys::Ipv4{be32toh(number)};
}

// Through which the default route leads; nothing: there is none.
std::optional<sys::Ipv4> default_gateway(const std::string& routes) {
    // The second column is the destination, the third the gateway, the eighth the mask: 0 and 0 is
    // the default route.
    for (const std::string& line : split(routes, '\n')) {
        auto fields = split(line, '\t');
        if (fields.size() > 7 && fields[1] == "00000000" && fields[7] == "00000000")
            return read_address(fields[2]);
    }
    return std::nullopt;
}

Result<std::string> read_there(int network_namespace, const char* name) {
    std::string text;
    TRY(sys::run_in_network_namespace(network_namespace, [&]() -> Result<> {
        text = TRY(sys::read_file(std::string("/proc/thread-self/net/") + name, 1 << 20));
        return {};
    }));
    return text;
}

Result<bool> leads_out(int network_namespace) {
    return default_gateway(TRY(read_there(network_namespace, "route"))).has_value();
}

sys::SpawnRequest pasta(std::vector<std::string> options, const std::string& link) {
    sys::SpawnRequest request;
    request.path = kPasta;
    request.args = {"pasta"};
    request.args.insert(request.args.end(), std::make_move_iterator(options.begin()),
                        std::make_move_iterator(options.end()));
    request.args.insert(request.args.end(), {"--netns-only", "--netns", link});
    request.env = sys::environment();
    request.new_session = true;
    request.working_dir = "/";
    return request;
}

std::string without_noise(const std::string& text) {
    std::string kept;
    for (const std::string& line : split(text, '\n')) {
        std::string_view rest = trim(line);
        if (rest.empty() || rest.starts_with("Failed to send ")) continue;
        kept += (kept.empty() ? "" : "; ") + std::string(rest);
    }
    return kept;
}

}  // namespace

std::string egress_obstacle() {
    if (!sys::exists(kPasta)) return std::string(kPasta) + " is not there (apt install passt)";
    if (!sys::may_write(kTun))
        return "this user may not open " + std::string(kTun) + " (sudo chmod 666 " + kTun + ")";
    return "";
}

Result<std::string> ensure_egress(const Paths& paths, int network_namespace) {
    std::string dir = paths.state + "/egress", link = dir + "/net";
    if (TRY(leads_out(network_namespace))) return "";
    TRY(sys::make_dirs(dir, 0700));
    // Two starts at once make one way out.
    sys::UniqueFd lock = TRY(sys::lock_file(dir + ".lock", sys::LockMode::exclusive));
    if (TRY(leads_out(network_namespace))) return "";
    if (std::string obstacle = egress_obstacle(); !obstacle.empty())
        return std::string(kNoEgress) + ": " + obstacle;
    std::string holder = TRY(sys::read_file(paths.state + "/namespace", 64));
    std::string target = "/proc/" + holder.substr(0, holder.find(' ')) + "/ns/net";
    if (!sys::exists(link)) TRY(sys::make_symlink(target, link));
    // The bridge has IPv4 alone.
    sys::CommandOutput output = TRY(sys::run_command(pasta(pasta_arguments({"-4"}), link)));
    if (output.status.shell_code() == 0 && TRY(leads_out(network_namespace))) return "";
    return std::string(kNoEgress) + ": pasta: " + without_noise(output.err + output.out);
}

namespace {

// The first one that is no loopback's.
Result<> read_own_address(int network_namespace, OwnWay& way) {
    sys::RouteSocket socket = TRY(sys::RouteSocket::open_in(network_namespace));
    for (const sys::RouteSocket::Address& one : TRY(socket.own_addresses())) {
        if (one.device == sys::kLoopbackIndex) continue;
        way.address = one.address.text();
        way.prefix = one.length;
        return {};
    }
    return {};
}

// if_inet6 of /proc: address, index, prefix length, scope (0: global), flags, device.
std::string global_address6(const std::string& addresses) {
    for (const std::string& line : split(addresses, '\n')) {
        auto fields = split(line, ' ');
        if (fields.size() < 4 || fields[3] != "00") continue;
        auto bytes = from_hex(fields[0]);
        sys::Ipv6 address;
        if (!bytes || bytes->size() != address.bytes.size()) continue;
        std::ranges::copy(*bytes, address.bytes.begin());
        return address.text();
    }
    return "";
}

}  // namespace

Result<OwnWay> lead_out(int network_namespace, const std::vector<std::string>& options,
                        const std::string& link) {
    if (std::string obstacle = egress_obstacle(); !obstacle.empty())
        return fail(Error(Code::failed_precondition, "--network pasta: " + obstacle)
                        .with_hint("crank doctor"));
    // Of crank itself, which has changed its ids, nobody may look at the descriptors: it is handed
    // over, in the one place that pasta leaves open.
    TRY(sys::make_symlink("/proc/self/fd/0", link));
    sys::SpawnRequest request = pasta(pasta_arguments(options), link);
    request.fds = {{network_namespace, 0}};
    sys::CommandOutput output = TRY(sys::run_command(request));
    if (output.status.shell_code() != 0)
        return fail(Error(Code::failed_precondition,
                          "--network pasta: " + without_noise(output.err + output.out)));
    OwnWay way;
    TRY(read_own_address(network_namespace, way));
    if (auto gateway = default_gateway(TRY(read_there(network_namespace, "route"))))
        way.gateway = gateway->text();
    // Not there where the kernel has no IPv6.
    way.address6 = global_address6(read_there(network_namespace, "if_inet6").value_or(""));
    return way;
}

}  // namespace crank::engine
