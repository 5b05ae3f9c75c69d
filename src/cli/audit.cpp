// audit: who has done what to a project.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/project_up.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "deploy/audit.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kOwnFlags[] = {
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.What}}"},
    {"tail", 'n', FlagKind::value, "NUMBER", "the last so many alone (all)"},
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {
    "crank audit",
    "crank audit -p mail --tail 20",
    "crank audit --format json",
};
constexpr Column kColumns[] = {
    {"At", "AT"},
    {"By", "BY"},
    {"What", "WHAT"},
    {"Release", "RELEASE"},
    {"Status", "STATUS"},
    {"Message", "MESSAGE"},
    {"User", "USER", false},
    {"Uid", "UID", false},
    {"SudoUser", "SUDO USER", false},
    {"Before", "BEFORE", false},
    {"After", "AFTER", false},
    {"Error", "ERROR", false},
};

std::string number_text(std::int64_t release) {
    return release == 0 ? "-" : std::to_string(release);
}

// "3", "3 -> 4"; nothing is known yet of where one that has not ended leads to.
std::string release_text(const deploy::AuditEntry& entry) {
    std::string before = number_text(entry.before);
    if (entry.end == deploy::AuditEntry::End::none || entry.before == entry.after) return before;
    return before + " -> " + number_text(entry.after);
}

std::string_view status_of(const deploy::AuditEntry& entry) {
    using End = deploy::AuditEntry::End;
    switch (entry.end) {
        case End::none: return "not ended";
        case End::good: return "good";
        case End::failed: return "failed";
    }
    return "";
}

Json row_of(const deploy::AuditEntry& entry) {
    return {{"At", time_text(entry.at_ns)},
            {"By", deploy::shown(entry.who)},
            {"What", entry.what},
            {"Release", release_text(entry)},
            {"Status", status_of(entry)},
            {"Message", entry.message},
            {"User", entry.who.name},
            {"Uid", entry.who.uid},
            {"SudoUser", entry.who.sudo_user},
            {"Before", entry.before},
            {"After", entry.after},
            {"Error", entry.error}};
}

Result<std::size_t> read_tail(const Arguments& arguments) {
    auto text = arguments.find("tail");
    if (!text || *text == "all") return SIZE_MAX;
    auto number = parse_int(*text);
    if (!number || *number < 0)
        return fail(Code::usage, "--tail: invalid number \"" + *text + "\"");
    return static_cast<std::size_t>(*number);
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::size_t most = TRY(read_tail(arguments));
    std::string name = TRY(project_name(arguments));
    std::vector<deploy::AuditEntry> entries = TRY(deploy::list_audit(invocation.paths, name));
    std::vector<Json> rows;
    for (std::size_t i = entries.size() - std::min(entries.size(), most); i < entries.size(); i++)
        rows.push_back(row_of(entries[i]));
    print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

}  // namespace

constinit const Verb kAudit = {
    .name = "audit",
    .summary = "show who has done what to a compose project, and how it ended",
    .group = Group::containers,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
