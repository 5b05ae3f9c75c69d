#include "shim/end.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/kernel.h"
#include "shim/kernel_log.h"
#include "shim/records.h"

namespace crank::shim {
namespace {

constexpr int kVersion = 1;

struct Text {
    char bytes[4096];
    size_t size = 0;

    // What does not fit whole is left out.
    __attribute__((format(printf, 2, 3))) void add(const char* format, ...) {
        va_list arguments;
        va_start(arguments, format);
        int n = vsnprintf(bytes + size, sizeof bytes - size, format, arguments);
        va_end(arguments);
        if (n > 0 && static_cast<size_t>(n) < sizeof bytes - size) size += static_cast<size_t>(n);
        bytes[size] = 0;
    }
};

// The number that `text` holds, or behind `field` at the beginning of a line. -1: none.
long long find_number(const char* text, const char* field) {
    size_t length = strlen(field);
    if (length == 0) return *text >= '0' && *text <= '9' ? strtoll(text, nullptr, 10) : -1;
    for (const char* line = text; line != nullptr && *line != 0;) {
        if (strncmp(line, field, length) == 0 && line[length] == ' ')
            return strtoll(line + length, nullptr, 10);
        line = strchr(line, '\n');
        if (line != nullptr) ++line;
    }
    return -1;
}

// The kills for want of memory.
long long add_facts(const PlanView& plan, Text& out) {
    long long kills = 0;
    const char* entry = plan.text(plan.header->facts);
    const char* last = "";  // the file that `text` is from: several facts of one stand together
    bool known = false;
    char text[2048];
    for (uint32_t i = 0; i < plan.header->fact_count; ++i) {
        const char* name = entry;
        const char* file = name + strlen(name) + 1;
        const char* field = file + strlen(file) + 1;
        entry = field + strlen(field) + 1;
        if (strcmp(file, last) != 0) known = read_text(file, text, sizeof text);
        last = file;
        long long number = known ? find_number(text, field) : -1;
        if (number < 0) continue;
        out.add("%s %lld\n", name, number);
        if (strcmp(name, "oom_kills") == 0) kills = number;
    }
    return kills;
}

void add_findings(const PlanView& plan, const End& end, bool killed, Text& out) {
    constexpr int kSigSys = 31;
    bool denied = WIFSIGNALED(end.status) && WTERMSIG(end.status) == kSigSys;
    bool asks = (killed && plan.header->cgroup != 0) || (denied && end.worker_pid > 0);
    if (!asks) return;
    LogFindings found;
    search_kernel_log(killed ? plan.text(plan.header->cgroup) : nullptr,
                      denied ? end.worker_pid : 0, found);
    for (size_t i = 0; i < found.victim_count; ++i)
        out.add("killed %d %d %s\n", found.victims[i].pid, found.victims[i].own_limit ? 1 : 0,
                found.victims[i].name);
    if (found.denied.call >= 0)
        out.add("denied %ld %u\n", found.denied.call, found.denied.architecture);
}

}  // namespace

int find_worker(const PlanView& plan, int first) {
    bool has_init = false;
    for (uint32_t i = 0; i < plan.header->op_count; ++i)
        has_init = has_init || plan.op(i).kind == OpKind::init;
    if (!has_init) return first;
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", first, first);
    int worker = read_text(path, text, sizeof text) ? atoi(text) : 0;
    constexpr int kFutexWake = 1;
    uint32_t* found = &plan.header->shared.worker_found;
    __atomic_store_n(found, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, found, kFutexWake, 1, nullptr, nullptr, 0);
    return worker;
}

bool record_end(const PlanView& plan, const End& end) {
    static Text text;  // static: 4 KiB
    text.add("crank-end %d\n", kVersion);
    text.add("status %d\n", end.status);
    text.add("worker_known %d\n", end.worker_known ? 1 : 0);
    text.add("first_pid %d\n", end.first_pid);
    if (end.worker_pid > 0) text.add("worker_pid %d\n", end.worker_pid);
    if (end.caller_signal != 0) text.add("caller_signal %u\n", end.caller_signal);
    const Shared& shared = plan.header->shared;
    if (uint32_t passed = __atomic_load_n(&shared.init_passed_signal, __ATOMIC_ACQUIRE))
        text.add("passed_signal %u %u\n", passed, shared.init_passed_from_inside);
    bool killed = add_facts(plan, text) > 0;
    add_findings(plan, end, killed, text);
    write_record(plan, "end", text.bytes);
    return killed;
}

}  // namespace crank::shim
