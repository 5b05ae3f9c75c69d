#include "engine/health_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "sys/ipv4.h"

namespace crank::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr OnUnhealthy kActions[] = {OnUnhealthy::none, OnUnhealthy::restart, OnUnhealthy::stop,
                                    OnUnhealthy::kill};

Error bad(std::string_view flag, std::string_view text, const std::string& why) {
    return Error(Code::invalid_argument,
                 std::string(flag) + " \"" + std::string(text) + "\": " + why);
}

// The monitor counts milliseconds in 32 bits; an image may say anything.
constexpr nanoseconds kLeastTime = milliseconds(1), kMostTime = std::chrono::hours(24 * 30);

nanoseconds usual(std::int64_t given, nanoseconds otherwise) {
    return given == 0 ? otherwise : std::clamp(nanoseconds(given), kLeastTime, kMostTime);
}

bool has_test(const std::optional<oci::Healthcheck>& image) {
    return image && !image->test.empty() && image->test[0] != kNoTest;
}

// Which flags there is nothing for to apply to.
bool asks_for_more(const HealthCheck& asked) {
    HealthCheck rest = asked;
    rest.test.clear();
    return rest != HealthCheck{};
}

}  // namespace

std::string_view name_of(OnUnhealthy action) {
    switch (action) {
        case OnUnhealthy::none: return "none";
        case OnUnhealthy::restart: return "restart";
        case OnUnhealthy::stop: return "stop";
        case OnUnhealthy::kill: return "kill";
    }
    return "";
}

HealthTimes times_of(const HealthCheck& check) {
    constexpr int kRetries = 3;
    return {.interval = usual(check.interval, seconds(30)),
            .timeout = usual(check.timeout, seconds(30)),
            .start_period = usual(check.start_period, nanoseconds(0)),
            .start_interval = usual(check.start_interval, seconds(5)),
            .retries = check.retries > 0 ? check.retries : kRetries,
            .live_retries = check.live_retries > 0 ? check.live_retries : kRetries};
}

int most_restarts_of(const HealthCheck& check) {
    return check.most_restarts == 0 ? kUsualRestarts : check.most_restarts;
}

MergedHealth merge_health(const std::optional<oci::Healthcheck>& image, const HealthCheck& asked,
                          bool none) {
    MergedHealth merged;
    bool off = none || (!asked.test.empty() && asked.test[0] == kNoTest);
    if (off) return merged;
    HealthCheck check = asked;
    if (has_test(image)) {
        if (check.test.empty()) check.test = image->test;
        // An image does not say that it is never checked.
        if (check.interval == 0) check.interval = std::max<std::int64_t>(image->interval, 0);
        if (check.timeout == 0) check.timeout = image->timeout;
        if (check.start_period == 0) check.start_period = image->start_period;
        if (check.start_interval == 0) check.start_interval = image->start_interval;
        if (check.retries == 0) check.retries = image->retries;
    }
    // Who lives is ready, where nobody says otherwise.
    if (check.test.empty()) check.test = check.live;
    if (check.test.empty()) {
        if (asks_for_more(asked))
            merged.warnings.emplace_back(
                "there is no health check that --health-* and --on-unhealthy could apply to: the "
                "image has none, and neither --health-cmd nor --probe was given");
        return merged;
    }
    // Of an image that somebody else has written.
    bool known = (check.test[0] == "CMD" || check.test[0] == "CMD-SHELL" ||
                  (check.test[0] == kProbe && (!asked.test.empty() || !asked.live.empty()))) &&
                 check.test.size() > 1;
    if (!known) {
        merged.warnings.push_back(
            "the image's health check is not performed: its test begins with \"" + check.test[0] +
            "\" (CMD and CMD-SHELL are known)");
        return merged;
    }
    merged.check = std::move(check);
    return merged;
}

std::string describe(const HealthCheck& check) {
    if (check.test.size() < 2) return "";
    return join(std::span(check.test).subspan(1), " ");
}

Result<std::vector<std::string>> parse_health_command(std::string_view text) {
    if (trim(text).empty())
        return fail(bad("--health-cmd", text, "a command is wanted")
                        .with_hint("to leave the image's check out: --no-healthcheck"));
    if (text == "none") return std::vector<std::string>{std::string(kNoTest)};
    if (text.starts_with('[')) {
        auto json = nlohmann::json::parse(text, nullptr, false);
        bool words = json.is_array() && !json.empty() &&
                     std::ranges::all_of(json, [](const auto& word) { return word.is_string(); });
        // Otherwise it is the shell's `[`.
        if (words) {
            std::vector<std::string> test = json.get<std::vector<std::string>>();
            if (test[0] != "CMD" && test[0] != "CMD-SHELL") test.insert(test.begin(), "CMD");
            if (test.size() < 2)
                return fail(bad("--health-cmd", text, "a program is wanted behind " + test[0]));
            return test;
        }
    }
    return std::vector<std::string>{"CMD-SHELL", std::string(text)};
}

Result<std::vector<std::string>> parse_probe(std::string_view text) {
    TRY(parse_probe_target(text));
    return std::vector<std::string>{std::string(kProbe), std::string(text)};
}

Result<std::int64_t> parse_health_time(std::string_view flag, std::string_view text) {
    if (text == "disable" && flag == "--health-interval") return kNoInterval;
    auto time = parse_duration(text);
    if (!time)
        return fail(bad(flag, text, "no duration").with_hint("write it as 30s, 1m30s or 500ms"));
    if (*time != nanoseconds(0) && (*time < kLeastTime || *time > kMostTime))
        return fail(bad(flag, text, "from 1ms to 720h, or 0 for the usual"));
    return time->count();
}

Result<int> parse_health_retries(std::string_view text) {
    constexpr int kMost = 1'000'000;
    auto number = parse_int(text);
    if (!number || *number < 0 || *number > kMost)
        return fail(
            bad("--health-retries", text, "a number from 1 to 1000000, or 0 for the usual 3"));
    return static_cast<int>(*number);
}

Result<> parse_on_unhealthy(HealthCheck& check, std::string_view text) {
    constexpr int kMost = 1000;
    std::size_t colon = text.find(':');
    std::string_view word = text.substr(0, colon);
    const auto* found = std::ranges::find(kActions, word, [](OnUnhealthy a) { return name_of(a); });
    if (found == std::end(kActions))
        return fail(bad("--on-unhealthy", text, "no such action")
                        .with_hint("none, restart, restart:3, stop or kill"));
    check.on_unhealthy = *found;
    check.most_restarts = 0;
    if (colon == std::string_view::npos) return {};
    auto most = parse_int(text.substr(colon + 1));
    if (*found != OnUnhealthy::restart)
        return fail(bad("--on-unhealthy", text, "only restart takes a number of times"));
    if (!most || *most < 1 || *most > kMost)
        return fail(bad("--on-unhealthy", text, "the number of times is from 1 to 1000"));
    check.most_restarts = static_cast<int>(*most);
    return {};
}

Result<ProbeTarget> parse_probe_target(std::string_view text) {
    constexpr std::string_view kHint =
        "http://:8501/health, https://:8501/health, tcp://:8501 or tls://:8501";
    auto wrong = [&](const std::string& why) {
        return fail(bad("--probe", text, why).with_hint(std::string(kHint)));
    };
    using Kind = ProbeTarget::Kind;
    constexpr std::pair<std::string_view, Kind> kSchemes[] = {{"http://", Kind::http},
                                                              {"https://", Kind::https},
                                                              {"tcp://", Kind::tcp},
                                                              {"tls://", Kind::tls}};
    const auto* scheme = std::ranges::find_if(
        kSchemes, [&](const auto& known) { return text.starts_with(known.first); });
    if (scheme == std::end(kSchemes)) return wrong("wanted http://, https://, tcp:// or tls://");
    ProbeTarget target{.kind = scheme->second};
    std::string_view rest = text.substr(scheme->first.size());
    bool plain = std::ranges::all_of(rest, [](char c) { return c > ' ' && c < 0x7f; });
    if (!plain) return wrong("blanks and characters beyond ASCII stand escaped in a URL (%20)");
    std::size_t slash = rest.find_first_of("/?#");
    if (slash != std::string_view::npos) target.path = rest.substr(slash);
    std::string_view place = rest.substr(0, slash);
    bool http = target.kind == Kind::http || target.kind == Kind::https;
    if (!http && !target.path.empty()) return wrong("a path is for http:// and https://");
    if (target.path.find('#') != std::string::npos) return wrong("a fragment (#) is not sent");
    if (http && !target.path.starts_with('/')) target.path.insert(0, "/");
    std::size_t colon = place.rfind(':');
    if (colon == std::string_view::npos || place.ends_with(']')) return wrong("a port is wanted");
    auto port = parse_int(place.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return wrong("a port is a number from 1 to 65535");
    target.port = static_cast<std::uint16_t>(*port);
    std::string host(place.substr(0, colon));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    if (!host.empty() && !sys::parse_ipv4(host) && !sys::is_ipv6(host))
        return wrong("\"" + host + "\" is no IP address; without one the container's own is meant");
    target.host = std::move(host);
    return target;
}

}  // namespace crank::engine
