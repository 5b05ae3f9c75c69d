#include "engine/local/probe.h"

#include <array>
#include <chrono>

#include "base/text.h"
#include "base/units.h"
#include "engine/local/exec.h"
#include "engine/local/probe_processes.h"
#include "engine/local/spec.h"
#include "engine/native/environment.h"
#include "engine/processes.h"
#include "runtime/host.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::engine::local {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kNotInTime = -1;
// Output that was written before the end may still be in the pipes; a process that was left behind
// can hold them open for ever. And until what is killed is gone.
constexpr milliseconds kDrain(200), kAfterKill(2000);

milliseconds left_until(Clock::time_point end) {
    auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    return left.count() < 0 ? milliseconds(0) : left;
}

// Both outputs, in the order in which they come; what is more than kMostOutput is read and dropped.
class Output {
public:
    // Until `fd` is readable (true) or the time is over.
    Result<bool> read_until(int fd, std::array<int, 2> outputs, Clock::time_point end) {
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (outputs[i] >= 0) TRY(sys::set_nonblocking(outputs[i]));
        while (true) {
            std::array<sys::PollEntry, 3> entries = {
                sys::PollEntry{.fd = fd, .want_read = true},
                sys::PollEntry{.fd = ended_[0] ? -1 : outputs[0], .want_read = true},
                sys::PollEntry{.fd = ended_[1] ? -1 : outputs[1], .want_read = true}};
            if (fd < 0 && ended_[0] && ended_[1]) return false;
            if (!TRY(sys::poll(entries, left_until(end)))) return false;
            for (std::size_t i = 0; i < outputs.size(); ++i)
                if (entries[i + 1].readable) ended_[i] = !TRY(take(outputs[i]));
            if (fd >= 0 && entries[0].readable) return true;
            if (left_until(end) == milliseconds(0)) return false;
        }
    }
    std::string text() { return cut_output(std::move(text_)); }

private:
    // False: its end.
    Result<bool> take(int fd) {
        std::array<char, 16384> buffer;
        auto n = TRY(sys::read_some(fd, buffer));
        if (!n) return true;
        std::size_t room = kMostOutput + 1 - text_.size();  // one more: that it is cut is known
        text_.append(buffer.data(), std::min(*n, room));
        return *n > 0;
    }
    std::string text_;
    bool ended_[2] = {false, false};
};

std::vector<std::string> words_of(const HealthCheck& check) {
    std::vector<std::string> words(check.test.begin() + 1, check.test.end());
    if (check.test[0] == "CMD") return words;
    std::vector<std::string> shell =
        check.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : check.shell;
    shell.push_back(join(words, " "));
    return shell;
}

Result<std::string> make_mark() {
    std::array<std::uint8_t, 8> bytes;
    TRY(sys::fill_random(bytes));
    return std::string(kProbeVariable) + "=" + to_hex(bytes);
}

// Docker's words.
std::string timeout_text(const HealthCheck& check, const std::string& output) {
    std::string text =
        "Health check exceeded timeout (" + format_duration(times_of(check).timeout) + ")";
    return output.empty() ? text : text + ": " + output;
}

ProbeResult begin_result() { return {.start_ns = sys::wall_clock_ns()}; }

ProbeResult finish(ProbeResult result, int code, std::string output) {
    result.end_ns = sys::wall_clock_ns();
    result.exit_code = code;
    result.output = std::move(output);
    return result;
}

// Of a program that is not there, as a shell would say it.
Result<ProbeResult> not_started(ProbeResult result, const Error& error) {
    if (error.code() == Code::cannot_invoke || error.code() == Code::command_not_found ||
        error.code() == Code::deadline_exceeded) {
        int code =
            error.code() == Code::deadline_exceeded ? kNotInTime : describe(error.code()).exit_code;
        return finish(std::move(result), code, error.text());
    }
    return fail(error);
}

}  // namespace

Result<ProbeResult> run_command_probe(const Paths& paths, const Container& container,
                                      const HealthCheck& check) {
    ProbeResult result = begin_result();
    Clock::time_point end = Clock::now() + times_of(check).timeout;
    std::string mark = TRY(make_mark());
    ExecRequest request{.paths = paths,
                        .container = container,
                        .command = words_of(check),
                        .env = {mark},
                        .user = {},
                        .working_dir = {},
                        .end_with_caller = true};
    Result<Executed> begun = execute(request);
    if (!begun) return not_started(std::move(result), begun.error());
    Executed& probe = *begun;
    Output output;
    std::array<int, 2> outputs = {probe.stdout_read.get(), probe.stderr_read.get()};
    if (TRY(output.read_until(probe.running.control_fd(), outputs, end))) {
        runtime::ExitStatus exit = TRY(probe.running.wait_exit());
        if (Result<> ran = check_end(request, probe, exit); !ran)
            return not_started(std::move(result), ran.error());
        TRY(output.read_until(-1, outputs, Clock::now() + kDrain));
        return finish(std::move(result), exit.code, output.text());
    }
    runtime::HostFacts host = TRY(runtime::probe_host());
    kill_probe(probe.running.pid(), mark,
               [&] { return processes_of(container, host).value_or(std::vector<pid_t>{}); });
    // Frozen by somebody it dies once it is thawed.
    TRY(output.read_until(probe.running.control_fd(), outputs, Clock::now() + kAfterKill));
    return finish(std::move(result), kNotInTime, timeout_text(check, output.text()));
}

namespace {

std::vector<pid_t> all_processes() {
    std::vector<pid_t> pids;
    Result<std::vector<std::string>> names = sys::list_dir("/proc");
    if (!names) return pids;
    for (const std::string& name : *names)
        if (auto number = parse_int(name)) pids.push_back(static_cast<pid_t>(*number));
    return pids;
}

// A shell finds the program, and says where there is none.
sys::SpawnRequest native_request(const Container& container, const HealthCheck& check,
                                 const std::string& mark) {
    sys::SpawnRequest request{.path = "/bin/sh", .args = {"sh", "-c", "exec \"$@\"", "sh"}};
    for (std::string& word : words_of(check)) request.args.push_back(std::move(word));
    request.env = merge_env(
        merge_env(native::surrounding_environment(container.record.labels), container.record.env),
        {mark});
    request.working_dir = container.record.working_dir;
    request.new_session = true;
    return request;
}

}  // namespace

Result<ProbeResult> run_native_probe(const Container& container, const HealthCheck& check) {
    ProbeResult result = begin_result();
    Clock::time_point end = Clock::now() + times_of(check).timeout;
    std::string mark = TRY(make_mark());
    sys::Pipe pipe = TRY(sys::make_pipe());
    sys::UniqueFd nothing = TRY(sys::open("/dev/null", 0));
    sys::SpawnRequest request = native_request(container, check, mark);
    request.fds = {{nothing.get(), 0}, {pipe.write.get(), 1}, {pipe.write.get(), 2}};
    sys::Child child = TRY(sys::spawn(request));
    pipe.write.reset();
    Output output;
    std::array<int, 2> outputs = {pipe.read.get(), -1};
    if (TRY(output.read_until(child.pidfd(), outputs, end))) {
        sys::WaitStatus status = TRY(child.wait());
        TRY(output.read_until(-1, outputs, Clock::now() + kDrain));
        return finish(std::move(result), status.shell_code(), output.text());
    }
    kill_probe(child.pid(), mark, all_processes);
    return finish(std::move(result), kNotInTime, timeout_text(check, output.text()));
}

}  // namespace crank::engine::local
