#include "engine/processes.h"

#include <algorithm>

#include "base/text.h"
#include "engine/names.h"
#include "runtime/oci/control.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

std::string namespace_of(pid_t pid) {
    return sys::read_link("/proc/" + std::to_string(pid) + "/ns/pid").value_or("");
}

Result<std::vector<pid_t>> in_namespace_of(pid_t first) {
    std::string wanted = namespace_of(first);
    std::vector<pid_t> pids;
    for (const std::string& name : TRY(sys::list_dir("/proc"))) {
        auto number = parse_int(name);
        if (!number) continue;
        auto pid = static_cast<pid_t>(*number);
        if (pid == first || (!wanted.empty() && namespace_of(pid) == wanted)) pids.push_back(pid);
    }
    std::ranges::sort(pids);
    return pids;
}

}  // namespace

Result<std::vector<pid_t>> processes_of(const Container& container,
                                        const runtime::HostFacts& host) {
    if (container.state.pid <= 0)
        return fail(Error(Code::failed_precondition,
                          "container " + shown_name(container.record) + " is not running")
                        .with_hint("crank ps -a"));
    bool grouped =
        !container.record.cgroups_path.empty() && host.cgroup_mode != runtime::CgroupMode::none;
    if (grouped) return runtime::oci_verbs::processes(container.record.cgroups_path, host);
    // A native worker without a group shares its namespace with everybody.
    if (container.record.kind == Kind::native) return std::vector<pid_t>{container.state.pid};
    return in_namespace_of(container.state.pid);
}

}  // namespace crank::engine
