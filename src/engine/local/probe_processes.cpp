#include "engine/local/probe_processes.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <set>
#include <string_view>

#include "base/text.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMaxEnvironment = std::size_t{4} << 20;

struct Kin {
    char state = '?';
    std::int64_t parent = 0, session = 0;
};

std::optional<Kin> kin_of(pid_t pid) {
    Result<std::string> text = sys::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text) return std::nullopt;
    std::size_t end = text->rfind(')');  // the name before it may hold anything
    if (end == std::string::npos) return std::nullopt;
    std::vector<std::string> words = split(trim(std::string_view(*text).substr(end + 1)), ' ');
    if (words.size() < 4 || words[0].empty()) return std::nullopt;
    return Kin{words[0][0], parse_int(words[1]).value_or(0), parse_int(words[3]).value_or(0)};
}

bool has_mark(pid_t pid, const std::string& mark) {
    Result<std::string> text =
        sys::read_file("/proc/" + std::to_string(pid) + "/environ", kMaxEnvironment);
    if (!text) return false;
    return std::ranges::any_of(split(*text, '\0'),
                               [&](const auto& entry) { return entry == mark; });
}

}  // namespace

std::vector<pid_t> processes_of_probe(const std::vector<pid_t>& pids, pid_t first,
                                      const std::string& mark) {
    std::set<std::int64_t> family = {first};
    std::vector<pid_t> found;
    // Until nobody is added: a parent may have a higher number than its child.
    for (bool grows = true; grows;) {
        grows = false;
        for (pid_t pid : pids) {
            if (std::ranges::find(found, pid) != found.end()) continue;
            std::optional<Kin> kin = kin_of(pid);
            if (!kin || kin->state == 'Z' || kin->state == 'X') continue;
            bool own = pid == first || family.contains(kin->parent) || kin->session == first ||
                       has_mark(pid, mark);
            if (!own) continue;
            family.insert(pid);
            found.push_back(pid);
            grows = true;
        }
    }
    return found;
}

void kill_each(const std::vector<pid_t>& pids) {
    for (pid_t pid : pids)
        if (auto pidfd = sys::open_pidfd(pid)) (void)sys::pidfd_signal(pidfd->get(), SIGKILL);
}

}  // namespace crank::engine::local
