#include "engine/logs.h"

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"follow", 'f', FlagKind::boolean, "", "go on until the worker ends"},
    {"tail", 'n', FlagKind::value, "NUMBER", "the last so many lines (all)"},
    {"timestamps", 't', FlagKind::boolean, "", "begin each line with its time"},
    {"since", 0, FlagKind::value, "TIME",
     "not before: 2026-01-02T03:04:05Z, or 10m for ten minutes ago"},
    {"until", 0, FlagKind::value, "TIME", "not after"},
};
constexpr MissingFlag kMissing[] = {{"details", 0, false}};
constexpr std::string_view kExamples[] = {"crank logs mail", "crank logs -f -n 20 mail",
                                          "crank logs --since 10m -t mail"};

Result<engine::LogQuery> read_query(const Arguments& arguments) {
    engine::LogQuery query;
    query.follow = arguments.on("follow");
    std::string tail = arguments.value("tail", "all");
    if (tail != "all") {
        auto lines = parse_int(tail);
        if (!lines) return fail(Code::usage, "--tail: invalid number \"" + tail + "\"");
        if (*lines >= 0) query.tail = static_cast<std::size_t>(*lines);
    }
    std::int64_t now = sys::wall_clock_ns();
    if (auto text = arguments.find("since"))
        query.since = TRY_IN(engine::parse_log_time(*text, now), "--since");
    if (auto text = arguments.find("until"))
        query.until = TRY_IN(engine::parse_log_time(*text, now), "--until");
    return query;
}

Result<int> perform(Invocation& invocation) {
    bool timestamps = invocation.arguments.on("timestamps");
    engine::LogQuery query = TRY(read_query(invocation.arguments));
    engine::Container container =
        TRY(engine::find(invocation.paths, invocation.arguments.words()[0]));
    bool begins[2] = {true, true};  // of a line, in each stream
    auto sink = [&](const engine::LogLine& line) -> Result<> {
        bool& begin = begins[line.stream == engine::Stream::err];
        std::string text;
        if (timestamps && begin) text = std::string(line.time) + " ";
        text += line.text;
        if (line.full) text += '\n';
        begin = line.full;
        print_to(line.stream == engine::Stream::err ? Output::err : Output::out, text);
        return {};
    };
    if (query.follow) flush_each_line();
    TRY(engine::read_logs(invocation.paths, container, query, sink));
    return 0;
}

}  // namespace

constinit const Verb kLogs = {
    .name = "logs",
    .summary = "print what a worker has written",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "CONTAINER"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
