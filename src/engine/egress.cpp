#include "engine/egress.h"

#include "base/text.h"
#include "network/network.h"
#include "sys/child.h"
#include "sys/file.h"
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

Result<bool> leads_out(int network_namespace) {
    std::string routes;
    TRY(sys::run_in_network_namespace(network_namespace, [&]() -> Result<> {
        routes = TRY(sys::read_file("/proc/thread-self/net/route", 1 << 20));
        return {};
    }));
    // The second column is the destination, the eighth the mask: 0 and 0 is the default route.
    for (const std::string& line : split(routes, '\n')) {
        auto fields = split(line, '\t');
        if (fields.size() > 7 && fields[1] == "00000000" && fields[7] == "00000000") return true;
    }
    return false;
}

// Nothing of the host's loopback is to be reached from a container, and no port is forwarded but
// those that crank publishes itself.
sys::SpawnRequest pasta(const std::string& link) {
    sys::SpawnRequest request;
    request.path = kPasta;
    request.args = {"pasta",
                    "--config-net",
                    "--no-map-gw",
                    "--quiet",
                    "-t",
                    "none",
                    "-u",
                    "none",
                    "-T",
                    "none",
                    "-U",
                    "none",
                    "-4",
                    "--dns-forward",
                    std::string(kEgressResolver),
                    "--netns-only",
                    "--netns",
                    link};
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
    sys::CommandOutput output = TRY(sys::run_command(pasta(link)));
    if (output.status.shell_code() == 0 && TRY(leads_out(network_namespace))) return "";
    return std::string(kNoEgress) + ": pasta: " + without_noise(output.err + output.out);
}

}  // namespace crank::engine
