// `up` in the foreground: the logs of a project's containers until all have ended.
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "base/text.h"
#include "cli/log_lines.h"
#include "cli/output.h"
#include "cli/project.h"
#include "deploy/observe.h"
#include "engine/lifecycle.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/stream.h"

namespace crank::cli {
namespace {

constexpr int kInterrupted = 130;  // as Docker's

// Its name without the project's: "web-1".
std::string short_name(const std::string& project, const std::string& name) {
    std::string prefix = project + "-";
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

class Attendance {
public:
    Attendance(Invocation& invocation, const Attached& attached, sys::SignalQueue& signals)
        : invocation_(invocation), attached_(attached), signals_(signals) {}

    Result<int> run() {
        deploy::Sight sight = TRY(deploy::observe(invocation_.paths, attached_.project));
        for (std::size_t i = 0; i < sight.containers.size(); i++) {
            auto service = std::ranges::find(
                attached_.services, sight.observed.containers[i].service, &Attached::Service::name);
            if (service == attached_.services.end()) continue;
            containers_.push_back(std::move(sight.containers[i]));
            services_.push_back(&*service);
        }
        std::ranges::reverse(containers_);
        std::ranges::reverse(services_);
        if (containers_.empty()) return 0;
        ended_ = TRY(sys::make_pipe());
        flush_each_line();
        begin();
        Result<int> code = attend();
        readers_.clear();
        return code;
    }

private:
    void begin() {
        std::size_t width = 0;
        std::vector<std::string> names, shown;
        for (std::size_t i = 0; i < containers_.size(); i++) {
            names.push_back(
                short_name(attached_.project, engine::shown_name(containers_[i].record)));
            if (!services_[i]->shown) continue;
            shown.push_back(names.back());
            width = std::max(width, shown.back().size());
        }
        if (!shown.empty()) note("Attaching to " + join(shown, ", "));
        for (std::size_t i = 0; i < containers_.size(); i++)
            readers_.emplace_back(
                [this, i, name = names[i], prefix = padded(names[i], width) + "  | "] {
                    follow(i, name, prefix);
                });
    }
    static std::string padded(std::string name, std::size_t width) {
        name.resize(std::max(width, name.size()), ' ');
        return name;
    }

    // In a thread of its own, until the container has ended for good.
    void follow(std::size_t i, const std::string& name, const std::string& prefix) {
        if (services_[i]->shown) print_lines(i, prefix);
        Result<int> code = engine::wait(invocation_.paths, containers_[i]);
        if (code && services_[i]->shown) note(name + " exited with code " + std::to_string(*code));
        if (code) note_end(i, *code);
        (void)sys::write_all(ended_.write.get(), "x", "a pipe");
    }

    void print_lines(std::size_t i, const std::string& prefix) {
        LogPrinter printer(false, prefix);
        engine::LogQuery query{.follow = true, .since = attached_.since};
        Result<> read =
            engine::read_logs(invocation_.paths, containers_[i], query,
                              [&](const engine::LogLine& line) { return printer.print(line); });
        if (!read) report("up", read.error(), invocation_.debug);
    }

    // The code is that of the service that was named, or of the first that ended.
    void note_end(std::size_t i, int code) {
        bool first = !one_has_ended_.exchange(true);
        bool counts = attached_.exit_code_from.empty()
                          ? first && attached_.ends_with_first
                          : services_[i]->name == attached_.exit_code_from;
        if (counts) exit_code_ = code;
    }

    // Each waiting for a signal or an end.
    Result<int> attend() {
        std::size_t left = containers_.size();
        bool stopping = false, interrupted = false;
        while (left > 0) {
            std::array entries = {sys::PollEntry{.fd = signals_.fd(), .want_read = true},
                                  sys::PollEntry{.fd = ended_.read.get(), .want_read = true}};
            TRY(sys::poll(entries, std::nullopt));
            if (entries[0].readable)
                while (TRY(signals_.next())) {
                    interrupted = true;
                    stopping ? kill_all() : stop_all();
                    stopping = true;
                }
            if (!entries[1].readable) continue;
            std::array<char, 64> ends;
            left -= TRY(sys::read_some(ended_.read.get(), ends)).value_or(0);
            if (attached_.ends_with_first && !stopping) {
                stopping = true;
                note("Aborting: a container has ended");
                stop_all();
            }
        }
        if (interrupted) return kInterrupted;
        return exit_code_.load();
    }

    // Another signal is heard meanwhile.
    void stop_all() {
        note("Gracefully stopping... (press Ctrl+C again to force)");
        stopper_ = std::jthread([this] {
            // Those that depend on others first: they were made last.
            for (std::size_t i = containers_.size(); i-- > 0;) end(i, false);
        });
    }
    void kill_all() {
        for (std::size_t i = containers_.size(); i-- > 0;) end(i, true);
    }
    void end(std::size_t i, bool force) {
        Result<engine::Container> now = engine::find(invocation_.paths, containers_[i].record.id);
        if (!now || now->state.status == engine::Status::exited) return;
        Result<> ended;
        if (force)
            ended = engine::kill(invocation_.paths, *now, "KILL");
        else if (auto stopped =
                     engine::stop(invocation_.paths, *now, {.timeout = attached_.stop_seconds});
                 !stopped)
            ended = fail(std::move(stopped.error()));
        if (!ended && ended.error().code() != Code::failed_precondition)
            report("up", ended.error(), invocation_.debug);
    }

    Invocation& invocation_;
    const Attached& attached_;
    sys::SignalQueue& signals_;
    std::vector<engine::Container> containers_;
    std::vector<const Attached::Service*> services_;
    std::atomic<int> exit_code_ = 0;
    std::atomic<bool> one_has_ended_ = false;
    sys::Pipe ended_;
    std::vector<std::jthread> readers_;
    std::jthread stopper_;
};

}  // namespace

Result<int> attend_project(Invocation& invocation, const Attached& attached,
                           sys::SignalQueue& signals) {
    return Attendance(invocation, attached, signals).run();
}

}  // namespace crank::cli
