#include "cli/development.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/output.h"
#include "cli/project_down.h"
#include "deploy/observe.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/system.h"
#include "sys/tree_watch.h"

namespace crank::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A project as it was read, and what hears of its changes.
struct Reading {
    LoadedProject project;
    std::shared_ptr<const WatchedProject> watched;
    sys::TreeWatch watch;
};

Result<std::set<std::string>> selected(const LoadedProject& project,
                                       const std::vector<std::string>& services) {
    deploy::Desired desired = TRY(deploy::desired_of(
        project.model, project.types, {.services = services, .dependencies = false}));
    std::set<std::string> names;
    for (const deploy::DesiredService& service : desired.services) names.insert(service.name);
    return names;
}

Result<sys::TreeWatch> begin_watch(const std::shared_ptr<const WatchedProject>& watched) {
    sys::TreeWatch watch = TRY(sys::TreeWatch::open(
        [watched](const std::string& directory) { return enters(watched->paths, directory); }));
    for (const WatchedPath& path : watched->paths) TRY(watch.add(path.path));
    for (const std::string& file : watched->definitions) TRY(watch.add(file));
    return watch;
}

Result<Reading> read(const Arguments& arguments, const DevRequest& request) {
    LoadedProject project = TRY(load_project(arguments, request.services));
    std::set<std::string> names = TRY(selected(project, request.services));
    WatchedProject found = TRY(read_watched(project, names));
    for (const std::string& file : arguments.values("env-file"))
        if (Result<std::string> path = sys::real_path(file)) found.definitions.insert(*path);
    auto watched = std::make_shared<const WatchedProject>(std::move(found));
    if (watched->paths.empty())
        return fail(Error(Code::failed_precondition,
                          "there is nothing to watch in project " + project.types.name)
                        .with_hint("build: DIRECTORY of a service, or its develop.watch"));
    for (const std::string& name : request.services)
        if (!watched->services.contains(name))
            warn("service " + name +
                 " has neither build: nor develop.watch: its changes are not "
                 "heard of");
    sys::TreeWatch watch = TRY(begin_watch(watched));
    return Reading{std::move(project), std::move(watched), std::move(watch)};
}

class Development {
public:
    Development(Invocation& invocation, const DevRequest& request, sys::SignalQueue& signals,
                Reading reading)
        : invocation_(invocation),
          request_(request),
          signals_(signals),
          reading_(std::move(reading)),
          changes_(invocation, request, signals.fd()) {}

    // What changes from here on is heard of, also while the project is being started.
    Result<int> run() {
        if (request_.starts)
            TRY(changes_.begin(reading_.project));
        else
            TRY(check_there());
        TRY(changes_.copy_all(reading_.project, *reading_.watched, reading_.watched->services));
        tell();
        TRY(attend());
        TRY(end());
        return 0;
    }

private:
    Result<> check_there() const {
        const std::string& name = reading_.project.types.name;
        if (!TRY(deploy::observe(invocation_.paths, name)).containers.empty()) return {};
        return fail(Error(Code::failed_precondition, "project " + name + " has no containers")
                        .with_hint("without --no-up crank dev starts it"));
    }

    void tell() const {
        const std::set<std::string>& services = reading_.watched->services;
        note("watching " + join(std::vector<std::string>(services.begin(), services.end()), ", ") +
             " (Ctrl-C ends it" + (request_.ends ? ")" : ", and the project goes on)"));
    }

    Result<> attend() {
        while (true) {
            std::optional<std::chrono::milliseconds> left;
            if (!burst_.empty())
                left = std::max(
                    std::chrono::ceil<std::chrono::milliseconds>(burst_.end() - Clock::now()),
                    std::chrono::milliseconds(0));
            std::array entries = {sys::PollEntry{.fd = signals_.fd(), .want_read = true},
                                  sys::PollEntry{.fd = reading_.watch.fd(), .want_read = true}};
            TRY(sys::poll(entries, left));
            if (entries[0].readable) return {};
            if (entries[1].readable) TRY(hear());
            if (!burst_.empty() && Clock::now() >= burst_.end()) act();
        }
    }

    Result<> hear() {
        sys::Heard heard = TRY(reading_.watch.take());
        auto now = Clock::now();
        if (heard.trouble) {
            report("dev", *heard.trouble, invocation_.debug);
            note("what changes there is not heard of");
        }
        if (heard.lost) {
            lost_ = true;
            burst_.hear(reading_.project.types.directory, false, now, now);
        }
        for (const auto& [path, made] : heard.paths)
            if (matters(path)) burst_.hear(path, made, saved(path, now), now);
        return {};
    }

    bool matters(const std::string& path) const {
        return reading_.watched->definitions.contains(path) ||
               std::ranges::any_of(reading_.watched->paths,
                                   [&](const WatchedPath& one) { return concerns(one, path); });
    }

    // What was saved while something was done is heard of late.
    Clock::time_point saved(const std::string& path, Clock::time_point now) const {
        Result<sys::FileInfo> info = sys::lstat(path);
        if (!info) return now;
        std::chrono::nanoseconds age(sys::wall_clock_ns() - info->mtime_ns);
        bool since = age.count() >= 0 && now - age >= busy_since_;
        return since ? now - age : now;
    }

    void act() {
        Save save{.what = "", .at = burst_.saved()};
        std::set<std::string> paths =
            burst_.take([](const std::string& path) { return sys::exists(path); });
        // What came and went.
        if (paths.empty()) return;
        busy_since_ = Clock::now();
        bool defined = std::ranges::any_of(paths, [&](const std::string& path) {
            return reading_.watched->definitions.contains(path);
        });
        save.what = named(paths, reading_.project.types.directory);
        if (std::exchange(lost_, false)) {
            save.what = "more changes than can be told";
            paths = everything();
        }
        if (defined) return begin_again(save);
        Reactions reactions = reactions_to(reading_.watched->paths, paths);
        changes_.act(reading_.project, *reading_.watched, reactions, save);
    }

    // Whatever is watched, as if it had just been saved.
    std::set<std::string> everything() const {
        std::set<std::string> paths;
        for (const WatchedPath& one : reading_.watched->paths) {
            paths.insert(one.path);
            if (!copies(one.action)) continue;
            Result<std::set<std::string>> files = files_of(one);
            if (files)
                paths.merge(*files);
            else
                report("dev", files.error(), invocation_.debug);
        }
        return paths;
    }

    void begin_again(const Save& save) {
        Result<Reading> again = read(invocation_.arguments, request_);
        const std::string& name = reading_.project.types.name;
        if (again && again->project.types.name != name)
            again = fail(Error(Code::failed_precondition,
                               "the project is called " + again->project.types.name + " by now")
                             .with_hint("end this, then crank dev"));
        if (!again) {
            report("dev", again.error(), invocation_.debug);
            return note("project " + name + " stays as it was read before");
        }
        reading_ = std::move(*again);
        changes_.begin_again(reading_.project, save);
        Result<> copied =
            changes_.copy_all(reading_.project, *reading_.watched, reading_.watched->services);
        if (!copied) report("dev", copied.error(), invocation_.debug);
    }

    Result<> end() {
        const std::string& name = reading_.project.types.name;
        while (TRY(signals_.next())) {}
        if (!request_.ends) {
            note("nothing is watched any more; project " + name + " goes on (crank down ends it)");
            return {};
        }
        const LoadedProject& project = reading_.project;
        deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, {}));
        for (const deploy::DesiredService& service : desired.services)
            desired.others.insert(service.name);
        desired.services.clear();
        return take_down(invocation_,
                         {.desired = std::move(desired),
                          .options = {.declared = true},
                          .stop_seconds = request_.stop_seconds},
                         signals_.fd());
    }

    Invocation& invocation_;
    const DevRequest& request_;
    sys::SignalQueue& signals_;
    Reading reading_;
    DevChanges changes_;
    Burst burst_;
    bool lost_ = false;
    Clock::time_point busy_since_ = Clock::now();
};

}  // namespace

Result<int> develop(Invocation& invocation, const DevRequest& request, sys::SignalQueue& signals) {
    Reading reading = TRY(read(invocation.arguments, request));
    return Development(invocation, request, signals, std::move(reading)).run();
}

}  // namespace crank::cli
