// lock, unlock: a person keeps a project as it is.
#include "cli/project_lock.h"

#include "cli/audited.h"
#include "cli/output.h"
#include "cli/performer.h"
#include "cli/project_up.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "deploy/records.h"
#include "deploy/releases.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr Flag kLockOwn[] = {
    {"message", 'm', FlagKind::value, "TEXT", "why: whoever is kept out reads it"},
    {"reason", 0, FlagKind::value, "TEXT", "", "message"},
    {"status", 0, FlagKind::boolean, "",
     "print who has locked it, and lock nothing: exit code 1 where nobody has"},
};
constexpr auto kLockFlags = with_project_flags(kLockOwn);
constexpr Flag kUnlockOwn[] = {kMessageFlag};
constexpr auto kUnlockFlags = with_project_flags(kUnlockOwn);
constexpr std::string_view kLockExamples[] = {
    "crank lock -m \"the database moves until 14:00\"",
    "crank lock --status -p mail",
};
constexpr std::string_view kUnlockExamples[] = {"crank unlock", "crank unlock -p mail"};

// As whoever is kept out has to type it: without a file, too.
std::string unlock_hint(const std::string& project) { return "crank unlock -p " + project; }

Result<int> perform_status(const engine::Paths& paths, const std::string& name) {
    auto lock = TRY(deploy::find_project_lock(paths, name));
    if (!lock) {
        note("project " + name + " is not locked");
        return 1;
    }
    print_line("project " + name + " is " + shown(*lock));
    return 0;
}

// What is done under it is the lock alone: whoever changes the project now has ended first.
Result<> lock_project(const engine::Paths& paths, const std::string& name,
                      const std::string& message) {
    deploy::Records records(paths, name);
    sys::UniqueFd turn = TRY(records.lock());
    if (auto before = TRY(deploy::find_project_lock(paths, name)))
        return fail(Error(Code::failed_precondition,
                          "project " + name + " is " + shown(*before) + " already")
                        .with_hint(unlock_hint(name)));
    return deploy::keep_project_lock(
        paths, name, {.at_ns = sys::wall_clock_ns(), .who = performer(), .message = message});
}

Result<int> perform_lock(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const engine::Paths& paths = invocation.paths;
    std::string message = TRY(read_message(arguments));
    std::string name = TRY(project_name(arguments));
    if (arguments.on("status")) {
        if (!message.empty())
            return fail(Error(Code::usage, "--status locks nothing, and takes no --message")
                            .with_hint("leave out one of the two"));
        return perform_status(paths, name);
    }
    Audited audited(paths, name, "lock", message);
    TRY(lock_project(paths, name, message));
    audited.begin();
    audited.end({});
    note("project " + name + " is locked: up, deploy, scale, rollback and down refuse until " +
         unlock_hint(name));
    if (TRY(deploy::list_releases(paths, name)).empty()) note("it has no release yet");
    return 0;
}

Result<int> perform_unlock(Invocation& invocation) {
    const engine::Paths& paths = invocation.paths;
    std::string message = TRY(read_message(invocation.arguments));
    std::string name = TRY(project_name(invocation.arguments));
    // What cannot be read goes too.
    auto lock = deploy::find_project_lock(paths, name);
    Audited audited(paths, name, "unlock", message);
    if (!TRY(deploy::remove_project_lock(paths, name))) {
        note("project " + name + " is not locked");
        return 0;
    }
    audited.begin();
    audited.end({});
    note("project " + name + " is unlocked" + (lock && *lock ? "; it was " + shown(**lock) : ""));
    return 0;
}

}  // namespace

std::string shown(const deploy::ProjectLock& lock) {
    std::string text = "locked by " + deploy::shown(lock.who) + " " + age_text(lock.at_ns) +
                       " ago (" + time_text(lock.at_ns) + ")";
    return text + (lock.message.empty() ? "" : ": " + lock.message);
}

void tell_lock(const engine::Paths& paths, const std::string& project) {
    auto lock = deploy::find_project_lock(paths, project);
    if (!lock)
        warn("locked: " + lock.error().text());
    else if (*lock)
        note(shown(**lock));
}

Result<> heed_lock(const engine::Paths& paths, const std::string& project, Locked locked) {
    if (locked == Locked::beyond) return {};
    auto lock = deploy::find_project_lock(paths, project);
    if (lock && !*lock) return {};
    std::string text = "project " + project + " is " +
                       (lock ? shown(**lock) : "locked, and " + lock.error().text());
    if (locked == Locked::heeded)
        return fail(Error(Code::failed_precondition, std::move(text))
                        .with_hint(unlock_hint(project) + "; --ignore-lock goes on all the same"));
    warn(text + " (--ignore-lock)");
    return {};
}

constinit const Verb kLock = {
    .name = "lock",
    .summary = "keep a compose project as it is: up, deploy, scale, rollback and down refuse",
    .group = Group::containers,
    .syntax = {.flags = kLockFlags},
    .examples = kLockExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform_lock,
};
constinit const Verb kUnlock = {
    .name = "unlock",
    .summary = "let a compose project be changed again, whoever has locked it",
    .group = Group::containers,
    .syntax = {.flags = kUnlockFlags},
    .examples = kUnlockExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform_unlock,
};

}  // namespace crank::cli
