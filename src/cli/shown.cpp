#include "cli/shown.h"

#include <chrono>
#include <ctime>

#include "base/text.h"
#include "base/units.h"
#include "cli/describe_health.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

std::chrono::system_clock::time_point time_of(std::int64_t ns) {
    using Clock = std::chrono::system_clock;
    return Clock::time_point(
        std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(ns)));
}

}  // namespace

std::string_view state_word(const engine::State& state) {
    switch (state.status) {
        case engine::Status::starting:
        case engine::Status::created: return "created";
        case engine::Status::running: return state.paused ? "paused" : "running";
        case engine::Status::restarting: return "restarting";
        case engine::Status::exited: return "exited";
        case engine::Status::left_over: return "dead";
    }
    return "";
}

std::string status_text(const engine::Container& container) {
    const engine::State& state = container.state;
    switch (state.status) {
        case engine::Status::starting:
        case engine::Status::created: return "Created";
        case engine::Status::running:
            return "Up " + age_text(state.started_at_ns) +
                   (state.paused ? " (Paused)" : health_suffix(container));
        case engine::Status::restarting:
        case engine::Status::exited: {
            bool again = state.status == engine::Status::restarting;
            std::string text = std::string(again ? "Restarting (" : "Exited (") +
                               std::to_string(state.exit.code) + ")";
            if (state.exit.finished_at_ns != 0)
                text += " " + age_text(state.exit.finished_at_ns) + " ago";
            return text;
        }
        case engine::Status::left_over: return "Dead";
    }
    return "";
}

std::string ports_text(const engine::Record& record) {
    std::string text;
    for (const engine::PublishedPort& port : engine::published_ports(record)) {
        bool v6 = port.host_ip.find(':') != std::string::npos;
        if (!text.empty()) text += ", ";
        text += v6 ? "[" + port.host_ip + "]" : port.host_ip;
        text += ":" + std::to_string(port.host_port) + "->" + std::to_string(port.container_port) +
                "/" + port.protocol;
    }
    return text;
}

std::string age_text(std::int64_t since_ns) {
    std::int64_t seconds = (sys::wall_clock_ns() - since_ns) / 1'000'000'000;
    return format_age(std::chrono::seconds(seconds < 0 ? 0 : seconds));
}

std::string time_text(std::int64_t ns) {
    // "2026-01-02T03:04:05.000000006Z" without its fraction, in Docker's form.
    std::string text = format_time(time_of(ns));
    return text.substr(0, 10) + " " + text.substr(11, 8) + " +0000 UTC";
}

std::string rfc3339(std::int64_t ns) {
    return ns == 0 ? "0001-01-01T00:00:00Z" : format_time(time_of(ns));
}

std::optional<std::int64_t> parse_rfc3339(const std::string& text) {
    tm parts{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) return std::nullopt;
    std::int64_t ns = timegm(&parts) * std::int64_t{1'000'000'000};
    if (*rest == '.') {
        std::int64_t unit = 100'000'000;
        for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) ns += (*rest - '0') * unit;
    }
    std::string zone = rest;
    if (zone == "Z") return ns;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':')
        return std::nullopt;
    auto hours = parse_int(zone.substr(1, 2)), minutes = parse_int(zone.substr(4));
    if (!hours || !minutes) return std::nullopt;
    std::int64_t offset = (*hours * 60 + *minutes) * 60 * 1'000'000'000;
    return zone[0] == '+' ? ns - offset : ns + offset;
}

}  // namespace crank::cli
