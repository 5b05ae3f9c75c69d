#include "sys/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/text.h"

namespace crank::sys {
namespace {

struct Name {
    std::string_view name;
    int number;
};
constexpr Name kNames[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"PWR", SIGPWR},       {"SYS", SIGSYS},   {"IOT", SIGIOT},
    {"POLL", SIGPOLL}, {"CLD", SIGCHLD},
};
// The kernel's range: glibc keeps two of the real-time signals to itself, a worker's libc may not.
constexpr int kRtMin = 34, kRtMax = 64;

std::optional<int> real_time(std::string_view name) {
    bool from_min = name.starts_with("RTMIN"), from_max = name.starts_with("RTMAX");
    if (!from_min && !from_max) return std::nullopt;
    std::int64_t offset = 0;
    if (name.size() > 5) {
        auto parsed = parse_int(name.substr(6));
        if (!parsed || name[5] != (from_min ? '+' : '-')) return std::nullopt;
        offset = *parsed;
    }
    std::int64_t number = from_min ? kRtMin + offset : kRtMax - offset;
    if (offset < 0 || number < kRtMin || number > kRtMax) return std::nullopt;
    return static_cast<int>(number);
}

}  // namespace

Result<SignalQueue> SignalQueue::open(std::initializer_list<int> numbers) {
    sigset_t set, before;
    sigemptyset(&set);
    for (int number : numbers) sigaddset(&set, number);
    if (sigprocmask(SIG_BLOCK, &set, &before) != 0) return fail_errno("block signals");
    UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        auto error = fail_errno("signalfd");
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return error;
    }
    return SignalQueue(std::move(fd), before);
}

SignalQueue::~SignalQueue() {
    if (fd_) sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Result<std::optional<int>> SignalQueue::next() {
    signalfd_siginfo info{};
    while (true) {
        ssize_t n = read(fd_.get(), &info, sizeof info);
        if (n == sizeof info) return static_cast<int>(info.ssi_signo);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return std::nullopt;
        return fail_errno("read of a signal");
    }
}

void ignore_broken_pipe() { signal(SIGPIPE, SIG_IGN); }

std::optional<int> signal_number(std::string_view name) {
    if (auto number = parse_int(name)) {
        if (*number < 1 || *number > kRtMax) return std::nullopt;
        return static_cast<int>(*number);
    }
    std::string upper(name);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    std::string_view word = upper;
    if (word.starts_with("SIG")) word.remove_prefix(3);
    for (const Name& known : kNames)
        if (known.name == word) return known.number;
    return real_time(word);
}

std::string signal_name(int number) {
    for (const Name& known : kNames)
        if (known.number == number) return "SIG" + std::string(known.name);
    return std::to_string(number);
}

std::string signal_description(int number) {
    const char* words = ::sigdescr_np(number);
    if (words == nullptr) return "unknown";
    std::string text = words;
    // "I/O possible" stays as it is.
    if (text.size() > 1 && text[1] >= 'a' && text[0] >= 'A' && text[0] <= 'Z') text[0] += 'a' - 'A';
    return text;
}

Result<> signal_group(int group, int number) {
    if (kill(-group, number) == 0) return {};
    if (errno == ESRCH)
        return fail(Code::not_found, "process group " + std::to_string(group) + " is gone");
    return fail_errno("signal process group " + std::to_string(group));
}

}  // namespace crank::sys
