#include "engine/pause.h"

#include "engine/events.h"
#include "engine/names.h"
#include "runtime/host.h"
#include "runtime/oci/control.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

std::string marker(const Paths& paths, const Container& container) {
    return paths.monitor(container.record.id) + "/" + kPaused;
}

Result<> require_running(const Container& container) {
    if (container.state.status == Status::running) return {};
    if (container.state.status == Status::restarting)
        return fail(Error(Code::failed_precondition, "container " + shown_name(container.record) +
                                                         " is restarting: wait until it runs")
                        .with_hint("crank why " + shown_name(container.record)));
    return fail(not_running(container.record));
}

Result<> set_frozen(const Container& container, bool frozen) {
    const std::string& group = container.record.cgroups_path;
    if (group.empty())
        return fail(Code::unsupported, "container " + shown_name(container.record) +
                                           " has no cgroup: nothing of it can be paused");
    return runtime::oci_verbs::set_frozen(group, frozen, TRY(runtime::probe_host()));
}

}  // namespace

Result<> pause(const Paths& paths, const Container& container) {
    TRY(require_running(container));
    if (container.state.paused)
        return fail(Error(Code::failed_precondition,
                          "container " + shown_name(container.record) + " is already paused")
                        .with_hint("crank unpause " + shown_name(container.record)));
    // Before: a container that is frozen is always seen to be.
    TRY(sys::write_file_atomic(marker(paths, container), "", 0600, sys::Sync::no));
    Result<> frozen = set_frozen(container, true);
    if (!frozen) (void)sys::remove_file(marker(paths, container));
    if (frozen) note_container(paths, container.record, "pause");
    return frozen;
}

Result<> unpause(const Paths& paths, const Container& container) {
    TRY(require_running(container));
    if (!container.state.paused)
        return fail(Code::failed_precondition,
                    "container " + shown_name(container.record) + " is not paused");
    return thaw(paths, container);
}

Result<> thaw(const Paths& paths, const Container& container) {
    if (!container.state.paused) return {};
    Result<> done = set_frozen(container, false);
    // It may have ended, and its groups with it.
    if (!done && done.error().code() != Code::not_found) return done;
    (void)sys::remove_file(marker(paths, container));
    note_container(paths, container.record, "unpause");
    return {};
}

Result<> require_awake(const Container& container, const char* what) {
    if (!container.state.paused) return {};
    std::string name = shown_name(container.record);
    return fail(Error(Code::failed_precondition,
                      "container " + name + " is paused, unpause the container before " + what)
                    .with_hint("crank unpause " + name));
}

}  // namespace crank::engine
