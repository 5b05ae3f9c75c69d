#include "deploy/service_hooks.h"

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/records.h"
#include "deploy/wait.h"
#include "engine/lifecycle.h"
#include "engine/local/exec.h"
#include "sys/poll.h"
#include "sys/stream.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 4096;  // of a hook's in an error

std::vector<std::string> environment_of(const compose::Hook& hook) {
    std::vector<std::string> env;
    for (const auto& [name, value] : hook.environment)
        env.push_back(value ? name + "=" + *value : name);
    return env;
}

// What a hook prints, and that it has ended: a pipe that it hands on may stay open.
class Listening {
public:
    Listening(engine::local::Executed& executed, Clock::time_point end, int cancel_fd)
        : executed_(executed), end_(end), cancel_fd_(cancel_fd) {}

    // False: the time is over.
    Result<bool> until_end() {
        while (true) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
            if (left.count() <= 0) return false;
            std::array entries = {
                entry(executed_.stdout_read), entry(executed_.stderr_read),
                sys::PollEntry{.fd = executed_.running.control_fd(), .want_read = true},
                sys::PollEntry{.fd = cancel_fd_, .want_read = true}};
            TRY(sys::poll(entries, left));
            if (entries[3].readable) return fail(Code::cancelled, "interrupted");
            bool read = false;
            for (std::size_t i = 0; i < 2; i++)
                if (entries[i].readable) read = TRY(take(i)) || read;
            if (!read && entries[2].readable) return true;
        }
    }
    std::string text() const { return std::string(trim(text_)); }

private:
    static sys::PollEntry entry(const sys::UniqueFd& fd) {
        return {.fd = fd ? fd.get() : -1, .want_read = true};
    }
    // Whether there was something.
    Result<bool> take(std::size_t which) {
        sys::UniqueFd& fd = which == 0 ? executed_.stdout_read : executed_.stderr_read;
        std::array<char, 4096> buffer;
        auto n = TRY(sys::read_some(fd.get(), buffer));
        if (n && *n == 0) fd.reset();
        if (!n || *n == 0) return false;
        // The end of it says why.
        text_.append(buffer.data(), *n);
        if (text_.size() > kMostOutput) text_.erase(0, text_.size() - kMostOutput);
        return true;
    }

    engine::local::Executed& executed_;
    Clock::time_point end_;
    int cancel_fd_;
    std::string text_;
};

std::string text_at(const Json& json, const char* key) {
    auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

compose::Hook hook_from(const Json& json) {
    compose::Hook hook{.user = text_at(json, "user"), .working_dir = text_at(json, "working_dir")};
    if (auto command = json.find("command"); command != json.end() && command->is_array())
        for (const Json& word : *command)
            if (word.is_string()) hook.command.push_back(word);
    if (auto env = json.find("environment"); env != json.end() && env->is_object())
        for (const auto& [name, value] : env->items())
            hook.environment.emplace_back(
                name, value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt);
    return hook;
}

// The file may be another by now, or gone: what the container was made from is kept.
std::vector<compose::Hook> pre_stop_of(const World& world, const engine::Container& container) {
    std::string hash = label_of(container.record.labels, kHashLabel);
    auto known = Records(world.paths, world.desired.project).services({hash});
    std::vector<compose::Hook> hooks;
    if (known.empty()) return hooks;
    Json service = Json::parse(known.begin()->second, nullptr, false);
    if (!service.is_object()) return hooks;
    if (auto list = service.find("pre_stop"); list != service.end() && list->is_array())
        for (const Json& one : *list)
            if (one.is_object()) hooks.push_back(hook_from(one));
    return hooks;
}

}  // namespace

Result<void> run_hook(const engine::Paths& paths, const engine::Container& container,
                      const compose::Hook& hook, std::chrono::milliseconds budget, int cancel_fd) {
    if (hook.command.empty()) return {};
    engine::local::ExecRequest request{.paths = paths,
                                       .container = container,
                                       .command = hook.command,
                                       .env = environment_of(hook),
                                       .user = hook.user,
                                       .working_dir = hook.working_dir,
                                       .end_with_caller = true};
    engine::local::Executed executed = TRY(engine::local::execute(request));
    Listening listening(executed, Clock::now() + budget, cancel_fd);
    auto explained = [&](Code code, std::string why) {
        std::string said = listening.text();
        return fail(Code(code),
                    "'" + join(hook.command, " ") + "' " + why + (said.empty() ? "" : ": " + said));
    };
    Result<bool> ended = listening.until_end();
    if (!ended || !*ended) (void)executed.running.send_signal(SIGKILL);
    if (!TRY(std::move(ended)))
        return explained(Code::deadline_exceeded,
                         "did not end within " + std::to_string(budget.count()) + " ms");
    runtime::ExitStatus exit = TRY(executed.running.wait_exit());
    TRY(engine::local::check_end(request, executed, exit));
    if (exit.code == 0) return {};
    return explained(Code::step_failed, "ended with exit code " + std::to_string(exit.code));
}

Result<void> run_post_start(const World& world, const std::string& service, const std::string& id) {
    const compose::Service* wanted = world.project.find(service);
    if (wanted == nullptr || wanted->post_start.empty()) return {};
    for (const compose::Hook& hook : wanted->post_start) {
        engine::Container container = TRY(engine::find(world.paths, id));
        TRY_IN(run_hook(world.paths, container, hook, budget_of(world, service), -1),
               "container " + engine::shown_name(container.record) + ": post_start");
    }
    return {};
}

void run_pre_stop(const World& world, const engine::Container& container) {
    if (container.state.status != engine::Status::running || container.state.paused) return;
    std::string service = label_of(container.record.labels, kServiceLabel);
    for (const compose::Hook& hook : pre_stop_of(world, container)) {
        Result<void> ran = run_hook(world.paths, container, hook, budget_of(world, service), -1);
        if (!ran)
            world.hooks.warn("container " + engine::shown_name(container.record) +
                             ": pre_stop: " + ran.error().text());
    }
}

}  // namespace crank::deploy
