#include "shim/callers_groups.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/ops.h"

namespace crank::shim {
namespace {

// "/a/b/tasks": makes /a and /a/b where they are missing.
void make_group_of(const char* file) {
    char dir[4096];
    const char* slash = strrchr(file, '/');
    auto length = static_cast<size_t>(slash - file);
    if (length >= sizeof dir) return;
    memcpy(dir, file, length);
    dir[length] = 0;
    if (mkdir(dir, 0755) == 0 || errno != ENOENT) return;
    char* parent = strrchr(dir, '/');
    *parent = 0;
    mkdir(dir, 0755);
    *parent = '/';
    mkdir(dir, 0755);
}

}  // namespace

void leave_callers_cgroups(const PlanView& plan) {
    const char* path = plan.text(plan.header->monitor_cgroups);
    for (uint32_t i = 0; i < plan.header->monitor_cgroup_count; ++i, path += strlen(path) + 1) {
        int error = write_file(path, "0");
        if (error != ENOENT) continue;
        make_group_of(path);
        write_file(path, "0");
    }
}

}  // namespace crank::shim
