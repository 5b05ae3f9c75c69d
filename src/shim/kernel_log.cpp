#include "shim/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace crank::shim {
namespace {

const char* behind(const char* text, const char* word) {
    const char* at = strstr(text, word);
    return at == nullptr ? nullptr : at + strlen(word);
}

// Names that a container chooses stand in the middle of some lines: what matters behind them is
// looked for from the end.
const char* behind_last(const char* text, const char* word) {
    const char* found = nullptr;
    for (const char* at = text; (at = behind(at, word)) != nullptr;) found = at;
    return found;
}

// Behind `key` stands `group`, or a group below it. The log's path begins at the host's root, which
// may be above the one that crank sees.
bool names_group(const char* line, const char* key, const char* group) {
    const char* path = behind(line, key);
    if (path == nullptr) return false;
    size_t length = strlen(group), whole = strcspn(path, ",");
    for (size_t i = 0; i + length <= whole; ++i)
        if (strncmp(path + i, group, length) == 0 &&
            (i + length == whole || path[i + length] == '/'))
            return true;
    return false;
}

// The record's time lies at most this far from now: the process that it is about has just ended.
constexpr long long kRecentUs = 60'000'000;

bool is_recent(const char* record, long long now_us) {
    // "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT"
    const char* field = strchr(record, ',');
    field = field == nullptr ? nullptr : strchr(field + 1, ',');
    if (field == nullptr) return false;
    long long difference = now_us - strtoll(field + 1, nullptr, 10);
    return difference < kRecentUs && difference > -kRecentUs;
}

}  // namespace

bool parse_oom_kill(const char* line, const char* group, Victim& out) {
    const char* text = behind(line, "oom-kill:constraint=");
    if (text == nullptr || !names_group(text, ",task_memcg=", group)) return false;
    const char* name = behind(text, ",task=");
    const char* pid = behind_last(text, ",pid=");
    if (name == nullptr || pid == nullptr || pid < name) return false;
    auto length = static_cast<size_t>(pid - strlen(",pid=") - name);
    if (length >= sizeof out.name) length = sizeof out.name - 1;
    memcpy(out.name, name, length);
    out.name[length] = 0;
    out.pid = atoi(pid);
    out.own_limit = names_group(text, ",oom_memcg=", group);
    return true;
}

bool parse_denied(const char* line, int pid, Denied& out) {
    const char* text = behind(line, "type=1326 ");
    if (text == nullptr) return false;
    const char* subject = behind(text, " pid=");
    const char* signal = behind_last(text, " sig=");
    const char* architecture = behind_last(text, " arch=");
    const char* call = behind_last(text, " syscall=");
    if (subject == nullptr || signal == nullptr || architecture == nullptr || call == nullptr)
        return false;
    constexpr int kSigSys = 31;
    if (atoi(subject) != pid || atoi(signal) != kSigSys) return false;
    out.call = strtol(call, nullptr, 10);
    out.architecture = static_cast<uint32_t>(strtoul(architecture, nullptr, 16));
    return true;
}

void search_kernel_log(const char* group, int pid, LogFindings& out) {
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long now_us = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
    static char record[8192];  // CONSOLE_EXT_LOG_MAX; one record a read
    while (true) {
        ssize_t n = read(fd, record, sizeof record - 1);
        if (n < 0 && (errno == EINTR || errno == EPIPE)) continue;  // EPIPE: some were overwritten
        if (n <= 0) break;
        record[n] = 0;
        if (group != nullptr && out.victim_count < kMaxVictims &&
            parse_oom_kill(record, group, out.victims[out.victim_count]))
            ++out.victim_count;
        if (pid > 0 && is_recent(record, now_us)) parse_denied(record, pid, out.denied);
    }
    close(fd);
}

}  // namespace crank::shim
