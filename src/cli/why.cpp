// Why a container is as it is, on one screen: what happened, when, the figures that belong to it,
// the last lines of its log, what to type next.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "cli/describe.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/failed_start.h"
#include "engine/lifecycle.h"
#include "engine/listening.h"
#include "engine/logs.h"
#include "engine/names.h"
#include "engine/reason.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"tail", 'n', FlagKind::value, "NUMBER", "so many of the log's last lines (10)"},
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.Cause}}"},
};
constexpr std::string_view kExamples[] = {"crank why mail", "crank why -f '{{.Cause}}' mail"};

constexpr std::int64_t kDefaultLines = 10, kMostLines = 1000;
constexpr std::size_t kMostColumns = 200;  // of a log's line, which a worker chooses

// Without what a terminal would obey, and not longer than a screen bears.
std::string plain(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool control = (c >= 0 && c < ' ' && c != '\t') || c == 0x7f;
        out += control ? '?' : c;
    }
    if (out.size() > kMostColumns) out = out.substr(0, kMostColumns) + "...";
    return out;
}

Json log_lines(const engine::Paths& paths, const engine::Container& container, std::int64_t count) {
    Json lines = Json::array();
    engine::LogQuery query;
    query.tail = static_cast<std::size_t>(count);
    auto keep = [&](const engine::LogLine& line) -> Result<> {
        lines.push_back(std::string(line.text));
        return {};
    };
    // A log that is not there has no lines.
    if (count > 0) (void)engine::read_logs(paths, container, query, keep);
    return lines;
}

std::string duration_text(const engine::State& state) {
    if (state.started_at_ns == 0 || state.exit.finished_at_ns < state.started_at_ns) return "";
    std::int64_t seconds = (state.exit.finished_at_ns - state.started_at_ns) / 1'000'000'000;
    std::string text = format_age(std::chrono::seconds(seconds));  // "About an hour"
    return to_lower(text.substr(0, 1)) + text.substr(1);
}

std::string status_of(const engine::Container& container, const engine::Reason& reason) {
    std::string text = status_text(container);
    if (std::string lived = duration_text(container.state); !lived.empty())
        text += ", after " + lived;
    return reason.brief.empty() ? text : text + ": " + reason.brief;
}

// What a filter refuses with an errno nobody records.
std::string filter_text(const engine::Container& container, const engine::Reason& reason) {
    bool asks = reason.cause == engine::Cause::failed || reason.cause == engine::Cause::fault;
    if (!asks || container.record.kind == engine::Kind::native) return "";
    // A shell's words for a program that cannot be executed, or is not there.
    constexpr int kNotExecutable = 126, kNotFound = 127;
    int code = container.state.exit.code;
    if (code == kNotExecutable || code == kNotFound) return "";
    std::string text =
        "system calls that its filter refuses fail with an error (\"Operation not permitted\", "
        "\"Function not implemented\") and leave no trace but in the worker's own log";
    if (container.record.sandbox == "strict")
        text += "; --sandbox default tells whether the strict sandbox is the reason";
    return text;
}

Json describe(const engine::Paths& paths, const engine::Container& container, std::int64_t lines) {
    engine::Reason reason = engine::explain(container);
    std::ranges::move(engine::unanswered_ports(container), std::back_inserter(reason.notes));
    const engine::Record& record = container.record;
    Json figures = describe_figures(container);
    return {{"Name", record.name},
            {"Id", record.id},
            {"Image", record.image},
            {"Status", status_of(container, reason)},
            {"Cause", engine::cause_word(reason.cause)},
            {"Why", reason.text},
            {"Notes", reason.notes},
            {"State", state_word(container.state)},
            {"ExitCode", container.state.exit.code},
            {"Signal", container.state.exit.signal},
            {"OOMKilled", container.state.exit.oom_killed},
            {"StartedAt", rfc3339(container.state.started_at_ns)},
            {"FinishedAt", rfc3339(container.state.exit.finished_at_ns)},
            {"Memory", std::move(figures["Memory"])},
            {"Cpu", std::move(figures["Cpu"])},
            {"Pids", std::move(figures["Pids"])},
            {"Filter", filter_text(container, reason)},
            {"Warnings", record.warnings},
            {"Log", log_lines(paths, container, lines)},
            {"Next", engine::next_commands(container, reason)}};
}

Json describe(const engine::FailedStart& failed) {
    Json next = Json::array();
    if (!failed.hint.empty()) next.push_back(failed.hint);
    next.push_back("crank run --name " + failed.name + " " + failed.image +
                   (failed.command.empty() ? "" : " " + failed.command));
    return {{"Name", failed.name},
            {"Id", ""},
            {"Image", failed.image},
            {"Status", "did not start, " + age_text(failed.at_ns) + " ago"},
            {"Cause", "not-started"},
            {"Why", failed.text},
            {"Notes", Json::array()},
            {"State", ""},
            {"ExitCode", failed.exit_code},
            {"FinishedAt", rfc3339(failed.at_ns)},
            {"Log", Json::array()},
            {"Next", std::move(next)}};
}

class Screen {
public:
    void add(std::string_view label, const std::string& text) {
        if (text.empty()) return;
        constexpr std::size_t kLabel = 10;
        std::string head(label);
        head.resize(kLabel, ' ');
        text_ += head + plain_long(text) + "\n";
    }
    void add_list(std::string_view label, const Json& list, bool clean) {
        bool first = true;
        for (const Json& entry : list) {
            auto text = entry.get<std::string>();
            add(first ? label : "", clean ? plain(text) : text);
            first = false;
        }
    }
    const std::string& text() const { return text_; }

private:
    // Names of programs and images come from elsewhere, too.
    static std::string plain_long(std::string_view text) {
        std::string out(text);
        std::ranges::replace_if(
            out, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; }, '?');
        return out;
    }
    std::string text_;
};

std::string screen(const Json& json) {
    Screen screen;
    auto word = [&](const char* key) { return json.value(key, std::string()); };
    std::string id = word("Id").substr(0, engine::kShortIdLength);
    screen.add("worker",
               word("Name") + (id.empty() ? "" : " (" + id + ")") + ", image " + word("Image"));
    screen.add("status", word("Status"));
    screen.add("why", word("Why"));
    screen.add_list("also", json["Notes"], false);
    for (const char* figure : {"Memory", "Cpu", "Pids"})
        if (json.contains(figure))
            screen.add(to_lower(figure), json[figure].value("Text", std::string()));
    screen.add("filter", word("Filter"));
    if (json.contains("Warnings")) screen.add_list("warning", json["Warnings"], false);
    screen.add_list("log", json["Log"], true);
    screen.add_list("next", json["Next"], false);
    return screen.text();
}

Result<Json> find_and_describe(const engine::Paths& paths, const std::string& name,
                               std::int64_t lines) {
    Result<engine::Container> container = engine::find(paths, name);
    if (container) return describe(paths, *container, lines);
    if (container.error().code() == Code::not_found)
        if (auto failed = engine::read_failed_start(paths, name)) return describe(*failed);
    return fail(std::move(container).error());
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::int64_t lines = kDefaultLines;
    if (auto text = arguments.find("tail")) {
        auto number = parse_int(*text);
        if (!number || *number < 0 || *number > kMostLines)
            return fail(Code::usage, "--tail: from 0 to 1000, not \"" + *text + "\"");
        lines = *number;
    }
    Json json = TRY(find_and_describe(invocation.paths, arguments.words()[0], lines));
    std::string format = arguments.value("format");
    if (format == "json")  // what a worker wrote may be any bytes
        print_line(json.dump(-1, ' ', false, Json::error_handler_t::replace));
    else
        print(format.empty() ? screen(json) : TRY(format_one(format, json)));
    return 0;
}

}  // namespace

constinit const Verb kWhy = {
    .name = "why",
    .summary = "say why a worker ended, did not start, or is slow",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
