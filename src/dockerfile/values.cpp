#include "dockerfile/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

// signal(7), in the spelling without SIG.
constexpr std::array<std::string_view, 34> kSignals = {
    "HUP",    "INT",  "QUIT",  "ILL",  "TRAP", "ABRT", "IOT",  "BUS",    "FPE",
    "KILL",   "USR1", "SEGV",  "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
    "CLD",    "CONT", "STOP",  "TSTP", "TTIN", "TTOU", "URG",  "XCPU",   "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO",   "POLL", "PWR",  "SYS"};
constexpr std::int64_t kLastSignal = 64;
constexpr std::int64_t kRealTimeSignals = 30;  // 34 to 64

Result<std::pair<int, int>> port_range(std::string_view text, std::string_view spec) {
    std::size_t dash = text.find('-');
    auto first = parse_int(text.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : parse_int(text.substr(dash + 1));
    if (!first || !last || *first < 0 || *last > 65535 || *first > *last) {
        return fail(Error(Code::invalid_argument, "invalid port " + quote_line(spec))
                        .with_hint("ports are 0 to 65535, as in 8080, 8000-8010/udp"));
    }
    return std::pair{static_cast<int>(*first), static_cast<int>(*last)};
}

bool is_real_time(std::string_view name) {
    if (!name.starts_with("rtmin") && !name.starts_with("rtmax")) return false;
    char sign = name.starts_with("rtmin") ? '+' : '-';
    name.remove_prefix(5);
    if (name.empty()) return true;
    if (name[0] != sign) return false;
    auto offset = parse_int(name.substr(1));
    return offset && *offset >= 0 && *offset <= kRealTimeSignals;
}

}  // namespace

Result<std::vector<std::string>> parse_exposed(std::string_view spec, bool& had_host) {
    std::string_view text = spec;
    if (std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        had_host = true;
        text.remove_prefix(colon + 1);
    }
    std::size_t slash = text.find('/');
    std::string protocol = "tcp";
    if (slash != std::string_view::npos && slash + 1 < text.size())
        protocol = to_lower(text.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
        return fail(Error(Code::invalid_argument, "unknown protocol in port " + quote_line(spec))
                        .with_hint("protocols are tcp, udp and sctp"));
    auto [first, last] = TRY(port_range(text.substr(0, slash), spec));
    std::vector<std::string> ports;
    for (int port = first; port <= last; ++port)
        ports.push_back(std::to_string(port) + "/" + protocol);
    return ports;
}

Result<std::string> check_signal(std::string_view signal) {
    auto number = parse_int(signal);
    if (number && *number >= 1 && *number <= kLastSignal) return std::string(signal);
    std::string name = to_lower(signal);
    if (name.starts_with("sig")) name.erase(0, 3);
    auto is_name = [&](std::string_view known) { return to_lower(known) == name; };
    if (!number && (std::ranges::any_of(kSignals, is_name) || is_real_time(name)))
        return std::string(signal);
    Error error(Code::invalid_argument, "unknown signal " + quote_line(signal));
    if (number) return fail(std::move(error).with_hint("signals are 1 to 64"));
    if (auto guess = did_you_mean(name, kSignals))
        return fail(std::move(error).with_hint("did you mean SIG" + *guess + "?"));
    return fail(std::move(error));
}

Result<ModeChange> parse_chmod(std::string_view mode) {
    if (auto change = ModeChange::parse(mode)) return *change;
    return fail(Error(Code::invalid_argument, "invalid mode " + quote_line(mode) + " of --chmod")
                    .with_hint("write it in octal, 0 to 7777, or as chmod(1) does: u=rwX,go=rX"));
}

}  // namespace crank::dockerfile
