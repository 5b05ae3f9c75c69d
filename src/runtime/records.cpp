// What the monitor wrote, read by later commands.
#include "base/text.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::runtime {
namespace {

constexpr std::size_t kMaxRecord = 256;  // bytes

Result<std::vector<std::int64_t>> read_numbers(const std::string& path, std::size_t count) {
    std::string text = TRY(sys::read_file(path, kMaxRecord));
    std::vector<std::int64_t> numbers;
    for (const auto& field : split(trim(text), ' '))
        if (auto value = parse_int(field)) numbers.push_back(*value);
    if (numbers.size() != count) return fail(Code::corrupt, "malformed record " + path);
    return numbers;
}

}  // namespace

Result<MonitorState> read_monitor_state(const std::string& state_dir) {
    auto n = TRY(read_numbers(state_dir + "/state", 5));
    return MonitorState{static_cast<pid_t>(n[0]), static_cast<std::uint64_t>(n[1]),
                        static_cast<pid_t>(n[2]), static_cast<std::uint64_t>(n[3]), n[4]};
}

Result<ExitStatus> read_exit_status(const std::string& state_dir) {
    auto n = TRY(read_numbers(state_dir + "/exit", 4));
    return ExitStatus{static_cast<int>(n[0]), static_cast<int>(n[1]), n[2] != 0, n[3]};
}

bool is_alive(pid_t pid, std::uint64_t start_time) {
    auto found = sys::start_time_of(pid);
    // Where it cannot be found out: what is believed dead is removed.
    if (!found) return found.error().code() != Code::not_found;
    return *found == start_time;
}

namespace {

// A pidfd of exactly that process: opened first, compared then.
Result<sys::UniqueFd> open_exactly(pid_t pid, std::uint64_t start_time) {
    sys::UniqueFd pidfd = TRY(sys::open_pidfd(pid));
    if (!is_alive(pid, start_time))
        return fail(Code::not_found, "process " + std::to_string(pid) + " is gone");
    return pidfd;
}

}  // namespace

Result<> signal_process(pid_t pid, std::uint64_t start_time, int signal) {
    sys::UniqueFd pidfd = TRY(open_exactly(pid, start_time));
    return sys::pidfd_signal(pidfd.get(), signal);
}

Result<bool> wait_gone(pid_t pid, std::uint64_t start_time, std::chrono::milliseconds deadline) {
    auto pidfd = open_exactly(pid, start_time);
    if (!pidfd) {
        if (pidfd.error().code() == Code::not_found) return true;
        return fail(std::move(pidfd).error());
    }
    return sys::wait_readable(pidfd->get(), deadline);
}

}  // namespace crank::runtime
