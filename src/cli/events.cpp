#include "engine/events.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/logs.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"filter", 'f', FlagKind::list, "FILTER",
     "type=, event=, container=, image=, label=, network=, volume="},
    {"since", 0, FlagKind::value, "TIME", "from then on: 2026-01-02T03:04:05Z, 10m"},
    {"until", 0, FlagKind::value, "TIME", "until then, and no longer"},
    {"format", 0, FlagKind::value, "FORMAT", "json, or a template: {{.Action}}"},
};
constexpr std::string_view kExamples[] = {
    "crank events --filter event=die",
    "crank events --since 1h --until 0s --format '{{.Action}} {{.Actor.Attributes.name}}'"};
constexpr std::string_view kFilters[] = {"container", "daemon", "event", "image", "label",
                                         "network",   "plugin", "scope", "type",  "volume"};

Json json_of(const engine::Event& event) {
    auto at = [&](const char* name) {
        auto found = event.attributes.find(name);
        return found == event.attributes.end() ? std::string() : found->second;
    };
    return {
        {"status", event.action},   {"id", event.id},
        {"from", at("image")},      {"Type", event.type},
        {"Action", event.action},   {"Actor", {{"ID", event.id}, {"Attributes", event.attributes}}},
        {"scope", "local"},         {"time", event.time_ns / 1'000'000'000},
        {"timeNano", event.time_ns}};
}

// Docker's line: "TIME TYPE ACTION ID (name=value, ...)".
std::string line_of(const engine::Event& event) {
    std::string attributes;
    for (const auto& [name, value] : event.attributes)
        attributes += (attributes.empty() ? "" : ", ") + name + "=" + value;
    return rfc3339(event.time_ns) + " " + event.type + " " + event.action + " " + event.id +
           (attributes.empty() ? "" : " (" + attributes + ")");
}

bool named(const engine::Event& event, const char* type, const std::string& wanted,
           const char* attribute) {
    auto found = event.attributes.find(attribute);
    if (found != event.attributes.end() && found->second == wanted) return true;
    return event.type == type && !wanted.empty() && event.id.starts_with(wanted);
}

bool is_wanted(const engine::Event& event, const Filters& filters) {
    // "exec_start: sh -c x" is an exec_start
    std::string action = event.action.substr(0, event.action.find(':'));
    auto is_container = [&](const std::string& wanted) {
        return event.type == "container" && named(event, "container", wanted, "name");
    };
    auto is_image = [&](const std::string& wanted) {
        return named(event, "image", wanted, event.type == "image" ? "name" : "image");
    };
    auto is_network = [&](const std::string& wanted) {
        return event.type == "network" && named(event, "network", wanted, "name");
    };
    auto is_volume = [&](const std::string& wanted) {
        return event.type == "volume" && named(event, "volume", wanted, "name");
    };
    // What crank tells is of this machine, and of containers, images, networks and volumes alone.
    auto none = [](const std::string&) { return false; };
    return filters.any("type", [&](const std::string& type) { return type == event.type; }) &&
           filters.any(
               "event",
               [&](const std::string& word) { return word == action || word == event.action; }) &&
           filters.any("container", is_container) && filters.any("image", is_image) &&
           filters.all(
               "label",
               [&](const std::string& label) { return matches_label(event.attributes, label); }) &&
           filters.any("scope", [](const std::string& scope) { return scope == "local"; }) &&
           filters.any("network", is_network) && filters.any("volume", is_volume) &&
           filters.any("daemon", none) && filters.any("plugin", none);
}

Result<std::int64_t> time_of(const std::string& text, const char* flag) {
    std::string shown = TRY_IN(engine::parse_log_time(text, sys::wall_clock_ns()), flag);
    auto ns = parse_rfc3339(shown);
    if (!ns)
        return fail(Error(Code::usage, std::string(flag) + ": invalid time \"" + text + "\"")
                        .with_hint("10m, 2026-01-02T03:04:05Z, or seconds since 1970"));
    return *ns;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kFilters));
    std::string format = arguments.value("format");
    engine::EventQuery query{.since_ns = sys::wall_clock_ns(), .until_ns = {}};
    if (auto text = arguments.find("since")) query.since_ns = TRY(time_of(*text, "--since"));
    if (auto text = arguments.find("until")) {
        query.until_ns = TRY(time_of(*text, "--until"));
        // Docker: with an end alone, everything that is known before it.
        if (!arguments.has("since")) query.since_ns = 0;
    }
    flush_each_line();
    TRY(engine::read_events(invocation.paths, query, [&](const engine::Event& event) -> Result<> {
        if (!is_wanted(event, filters)) return {};
        if (format.empty())
            print_line(line_of(event));
        else
            print(TRY(format_one(format, json_of(event))));
        return {};
    }));
    return 0;
}

}  // namespace

constinit const Verb kEvents = {
    .name = "events",
    .summary = "show what happens to containers and images",
    .group = Group::machine,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
