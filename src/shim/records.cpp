#include "shim/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace crank::shim {
namespace {

// Of a process that lives: a record without its start time would be that of one that has ended, and
// of what is in the way for a moment (memory, descriptors, a signal) it need not be.
bool read_about_process(const char* path, char* out, size_t capacity) {
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries; ++i) {
        if (read_text(path, out, capacity)) return true;
        if (errno == ENOENT || errno == ESRCH) return false;
        timespec pause{0, 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return false;
}

}  // namespace

unsigned long long start_time_of(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!read_about_process(path, text, sizeof text)) return 0;
    const char* field = strrchr(text, ')');  // the name before it may hold anything
    for (int i = 2; field != nullptr && i < 22; ++i) {
        field = strchr(field + 1, ' ');
    }
    return field == nullptr ? 0 : strtoull(field + 1, nullptr, 10);
}

bool read_text(const char* path, char* out, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, out, capacity - 1);
    int error = errno;
    close(fd);
    errno = error;
    if (n < 0) return false;
    out[n] = 0;
    return true;
}

void write_record(const PlanView& plan, const char* name, const char* text) {
    if (plan.header->state_dir == 0) return;
    const char* dir = plan.text(plan.header->state_dir);
    char temporary[4096], path[4096];
    snprintf(temporary, sizeof temporary, "%s/%s.new", dir, name);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    if (n == static_cast<ssize_t>(strlen(text)))
        rename(temporary, path);
    else
        unlink(temporary);
}

uint64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

void record_state(const PlanView& plan, int pid, uint64_t started_ns) {
    char text[160];
    int self = getpid();
    snprintf(text, sizeof text, "%d %llu %d %llu %llu\n", pid, start_time_of(pid), self,
             start_time_of(self), static_cast<unsigned long long>(started_ns));
    write_record(plan, "state", text);
}

void record_exit(const PlanView& plan, const Exit& exit) {
    char text[96];
    snprintf(text, sizeof text, "%u %u %d %llu\n", exit.code, exit.signal, exit.oom_killed ? 1 : 0,
             static_cast<unsigned long long>(exit.finished_ns));
    write_record(plan, "exit", text);
    char attributes[96];
    snprintf(attributes, sizeof attributes, "{\"exitCode\":\"%u\"}", exit.code);
    if (exit.oom_killed) record_event(plan, "oom", "{}");
    record_event(plan, "die", attributes);
}

void record_event(const PlanView& plan, const char* action, const char* attributes) {
    if (plan.header->state_dir == 0) return;
    const char* dir = plan.text(plan.header->state_dir);
    const char* id = strrchr(dir, '/');
    constexpr char kContainers[] = "/containers";
    constexpr size_t kLength = sizeof kContainers - 1;
    if (id == nullptr || static_cast<size_t>(id - dir) < kLength ||
        strncmp(id - kLength, kContainers, kLength) != 0)
        return;
    char path[4096], line[512];
    int length = snprintf(path, sizeof path, "%.*s/events",
                          static_cast<int>(id - dir - static_cast<ptrdiff_t>(kLength)), dir);
    if (length <= 0 || static_cast<size_t>(length) >= sizeof path) return;
    length = snprintf(line, sizeof line,
                      "{\"time\":%llu,\"type\":\"container\",\"action\":\"%s\",\"id\":\"%s\","
                      "\"attributes\":%s}\n",
                      static_cast<unsigned long long>(realtime_ns()), action, id + 1, attributes);
    if (length <= 0 || static_cast<size_t>(length) >= sizeof line) return;
    // Never made here: without the engine nobody bounds it.
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    // In one write(2): lines of several monitors do not mix. One that is lost harms nobody.
    (void)!write(fd, line, static_cast<size_t>(length));
    close(fd);
}

}  // namespace crank::shim
