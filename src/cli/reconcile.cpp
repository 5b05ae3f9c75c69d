// reconcile: what is to be there, is there again.
#include <array>
#include <csignal>

#include "base/units.h"
#include "cli/cooling.h"
#include "cli/output.h"
#include "cli/project_down.h"
#include "cli/released.h"
#include "cli/verbs.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "engine/lifecycle.h"
#include "engine/project_labels.h"
#include "engine/start_existing.h"
#include "sys/child.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"watch", 0, FlagKind::value, "DURATION",
     "look so long whether the project's containers go on well, and roll it back otherwise"},
    {"cool", 0, FlagKind::boolean, "",
     "wait until what changes of the project keep frozen has had its time, and end it"},
};
constexpr std::string_view kExamples[] = {"crank reconcile", "crank reconcile shop",
                                          "crank reconcile --watch 5m shop",
                                          "crank reconcile --cool shop"};

class Reconciling {
public:
    Reconciling(Invocation& invocation, int cancel_fd)
        : invocation_(invocation), cancel_fd_(cancel_fd) {}

    Result<> project(const std::string& name) {
        Result<> done = bring_back(name);
        // That command knows better what is to be there.
        if (done || done.error().code() != Code::in_use) return done;
        note(done.error().text() + ": it is left to that");
        return {};
    }

    // Containers of no project that were running when the machine went down, and say by their
    // restart policy that they are to run.
    Result<> containers() {
        engine::Config config = TRY(engine::Config::load(invocation_.paths.config));
        Result<> first;
        for (const engine::Container& container : TRY(engine::list(invocation_.paths))) {
            if (!is_to_return(container)) continue;
            std::string name = engine::shown_name(container.record);
            auto started = engine::start_existing(
                {.paths = invocation_.paths, .config = config, .options = {}}, container.record.id,
                engine::Starter::command);
            if (started)
                note("Container " + name + "  Started");
            else if (Error error = std::move(started.error()).with_context("container " + name);
                     first)
                first = fail(std::move(error));
            else
                warn(error.text());
        }
        return first;
    }

private:
    Result<> bring_back(const std::string& name) {
        std::vector<deploy::Release> releases = TRY(deploy::list_releases(invocation_.paths, name));
        if (deploy::Records(invocation_.paths, name).is_down()) return end(name);
        const deploy::Release* release = deploy::present_release(releases);
        if (release == nullptr) {
            note("project " + name + " has no release that ended well: nothing is done");
            return {};
        }
        LoadedProject project =
            TRY_IN(load_release(*release), "release " + std::to_string(release->number));
        UpRequest request = request_for(*release, project);
        request.kept = false;
        request.what = "reconcile";
        request.locked = Locked::beyond;
        request.unless_down = true;
        request.options.back = true;
        TRY(bring_up(invocation_, request, cancel_fd_));
        return {};
    }

    Result<> end(const std::string& name) {
        if (TRY(deploy::observe(invocation_.paths, name)).containers.empty()) return {};
        return take_down(invocation_,
                         {.desired = {.project = name},
                          .options = {.orphans = true},
                          .what = "reconcile",
                          .locked = Locked::beyond},
                         cancel_fd_);
    }

    static bool is_to_return(const engine::Container& container) {
        using Kind = engine::RestartPolicy::Kind;
        const engine::State& state = container.state;
        if (container.record.labels.contains(std::string(engine::kProjectLabel))) return false;
        if (container.record.restart.kind == Kind::no || state.status != engine::Status::exited)
            return false;
        bool lost = state.exit.code == engine::kLostExit && !state.end && !state.asked;
        return lost || (container.record.restart.kind == Kind::always && state.asked);
    }

    Invocation& invocation_;
    int cancel_fd_;
};

Result<int> perform_watch(Invocation& invocation, const std::string& text, int cancel_fd) {
    const std::vector<std::string>& words = invocation.arguments.words();
    if (words.size() != 1)
        return fail(Error(Code::usage, "--watch is for one project")
                        .with_hint("crank reconcile --watch " + text + " PROJECT"));
    auto time = TRY_IN(parse_duration(text), "--watch");
    TRY(watch(invocation, TRY(compose::check_project_name(words.front())), time, cancel_fd));
    return 0;
}

Result<int> perform_cool(Invocation& invocation, int cancel_fd) {
    const std::vector<std::string>& words = invocation.arguments.words();
    if (words.size() != 1)
        return fail(Error(Code::usage, "--cool is for one project")
                        .with_hint("crank reconcile --cool PROJECT"));
    TRY(cool(invocation, TRY(compose::check_project_name(words.front())), cancel_fd));
    return 0;
}

// Each in a process of its own: one that waits for what never comes holds up no other.
Result<> begin_others(const Invocation& invocation, const std::vector<std::string>& names,
                      std::vector<sys::Child>& children) {
    for (const std::string& name : names) {
        sys::SpawnRequest request{.path = "/proc/self/exe",
                                  .args = again(invocation.paths, {"reconcile", name}),
                                  .env = sys::environment(),
                                  .working_dir = ""};
        children.push_back(TRY(sys::spawn(request)));
    }
    return {};
}

// How many did not end well. What ends this command ends them.
Result<int> wait_for(std::vector<sys::Child>& children, int cancel_fd) {
    int failed = 0;
    bool told = false;
    for (sys::Child& child : children) {
        std::array entries = {sys::PollEntry{.fd = child.pidfd(), .want_read = true},
                              sys::PollEntry{.fd = told ? -1 : cancel_fd, .want_read = true}};
        while (!entries[0].readable) {
            TRY(sys::poll(entries, std::nullopt));
            if (told || !entries[1].readable) continue;
            told = true;
            entries[1].fd = -1;
            for (sys::Child& one : children) (void)one.signal(SIGTERM);
        }
        failed += TRY(child.wait()).shell_code() == 0 ? 0 : 1;
    }
    return failed;
}

Result<int> perform(Invocation& invocation) {
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    if (auto text = invocation.arguments.find("watch"))
        return perform_watch(invocation, *text, signals.fd());
    if (invocation.arguments.on("cool")) return perform_cool(invocation, signals.fd());
    Reconciling reconciling(invocation, signals.fd());
    std::vector<std::string> names = invocation.arguments.words();
    for (const std::string& name : names) TRY(compose::check_project_name(name));
    bool all = names.empty();
    if (all) names = TRY(deploy::list_projects(invocation.paths));
    std::vector<sys::Child> children;
    int failed = 0;
    auto tell = [&](const Result<>& done, const std::string& what) {
        if (done) return;
        failed++;
        warn(what + done.error().text());
    };
    if (names.size() > 1)
        TRY(begin_others(invocation, names, children));
    else if (!names.empty())
        tell(reconciling.project(names.front()), "project " + names.front() + ": ");
    if (all) tell(reconciling.containers(), "");
    failed += TRY(wait_for(children, signals.fd()));
    return failed == 0 ? 0 : 1;
}

}  // namespace

constinit const Verb kReconcile = {
    .name = "reconcile",
    .summary = "bring projects back to their last good release, also after a reboot",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[PROJECT...]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
