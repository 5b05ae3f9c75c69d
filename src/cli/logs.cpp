#include "engine/logs.h"

#include "base/text.h"
#include "cli/choice.h"
#include "cli/log_lines.h"
#include "cli/output.h"
#include "cli/project.h"
#include "cli/release_logs.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"follow", 'f', FlagKind::boolean, "", "go on until the worker ends"},
    {"tail", 'n', FlagKind::value, "NUMBER", "the last so many lines (all)"},
    {"timestamps", 't', FlagKind::boolean, "", "begin each line with its time"},
    {"since", 0, FlagKind::value, "TIME",
     "not before: 2026-01-02T03:04:05Z, or 10m for ten minutes ago"},
    {"until", 0, FlagKind::value, "TIME", "not after"},
    {"names", 0, FlagKind::boolean, "", "of several: begin lines with the name, not the id"},
    kLatestFlag,
    {"release", 0, FlagKind::value, "NUMBER",
     "of that release of a project: what stands behind are services, and containers that are gone "
     "count as well"},
};
// With --release. -f follows here.
constexpr auto kFlags = [] {
    auto flags = with_project_flags(kOwnFlags);
    for (Flag& flag : flags)
        if (flag.name == "file") flag.letter = 0;
    return flags;
}();
constexpr MissingFlag kMissing[] = {{"details", 0, false, "crank inspect shows the log's options"}};
constexpr std::string_view kExamples[] = {"crank logs mail", "crank logs -f -n 20 mail",
                                          "crank logs --since 10m -t mail",
                                          "crank logs --release 3 web"};

Result<engine::LogQuery> read_query(const Arguments& arguments) {
    engine::LogQuery query;
    query.follow = arguments.on("follow");
    std::string tail = arguments.value("tail", "all");
    if (tail != "all") {
        auto lines = parse_int(tail);
        if (!lines)
            return fail(Error(Code::usage, "--tail: invalid number \"" + tail + "\"")
                            .with_hint("--tail 100, or --tail all"));
        if (*lines >= 0) query.tail = static_cast<std::size_t>(*lines);
    }
    std::int64_t now = sys::wall_clock_ns();
    if (auto text = arguments.find("since"))
        query.since = TRY_IN(engine::parse_log_time(*text, now), "--since");
    if (auto text = arguments.find("until"))
        query.until = TRY_IN(engine::parse_log_time(*text, now), "--until");
    return query;
}

Result<> print_log(const Invocation& invocation, const engine::Container& container,
                   const engine::LogQuery& query, std::string prefix) {
    LogPrinter printer(invocation.arguments.on("timestamps"), std::move(prefix));
    return engine::read_logs(invocation.paths, container, query,
                             [&](const engine::LogLine& line) { return printer.print(line); });
}

std::string prefix_of(const Arguments& arguments, const engine::Record& record) {
    return (arguments.on("names") ? record.name : record.id.substr(0, engine::kShortIdLength)) +
           " ";
}

Result<int> perform(Invocation& invocation) {
    engine::LogQuery query = TRY(read_query(invocation.arguments));
    if (query.follow) flush_each_line();
    if (invocation.arguments.has("release")) return print_release_logs(invocation, query);
    for (const Flag& flag : kProjectFlags)
        if (invocation.arguments.has(flag.name))
            return fail(Error(Code::usage, "--" + std::string(flag.name) + " is for --release")
                            .with_hint("crank compose -p PROJECT logs [SERVICE...]"));
    std::vector<std::string> words = invocation.arguments.words();
    std::vector<engine::Container> containers;
    do containers.push_back(TRY(choose_one(invocation, words)));
    while (!words.empty() && !invocation.arguments.on("latest"));
    if (containers.size() > 1)
        return print_logs(containers.size(), query.follow, invocation.debug, [&](std::size_t i) {
            return print_log(invocation, containers[i], query,
                             prefix_of(invocation.arguments, containers[i].record));
        });
    TRY(print_log(invocation, containers.front(), query, ""));
    return 0;
}

}  // namespace

constinit const Verb kLogs = {
    .name = "logs",
    .summary = "print what workers have written",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
