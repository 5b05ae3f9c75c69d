#include "runtime/launch_hooks.h"

#include <csignal>

#include "runtime/oci/hooks.h"

namespace crank::runtime {

bool has_create_hooks(const oci::Hooks& hooks) {
    return !hooks.prestart.empty() || !hooks.create_runtime.empty() ||
           !hooks.create_container.empty();
}

bool has_hooks(const oci::Hooks& hooks) {
    return has_create_hooks(hooks) || !hooks.start_container.empty() || !hooks.poststart.empty();
}

Result<> run_create_hooks(Running& running, const oci::Hooks& hooks, oci::ContainerState state,
                          const HostFacts& facts) {
    if (!has_create_hooks(hooks)) return {};
    TRY(running.wait_for_hooks());
    state.pid = running.pid();
    // config.md has prestart hooks called when the container is created and not started.
    state.status = oci::Status::created;
    TRY(oci_verbs::run_hooks(hooks.prestart, "prestart", state));
    state.status = oci::Status::creating;
    TRY(oci_verbs::run_hooks(hooks.create_runtime, "createRuntime", state));
    // Each has an environment of its own: the engine gives it one.
    InsideHook where{{}, state.bundle, {}};
    TRY(oci_verbs::run_hooks_inside(hooks.create_container, "createContainer", where, state,
                                    facts));
    return running.go_on();
}

Result<> run_own_hooks(Running& running, const oci::RuntimeSpec& spec, oci::ContainerState state,
                       const HostFacts& facts) {
    if (spec.hooks.start_container.empty()) return {};
    TRY(running.wait_for_hooks());
    state.pid = running.pid();
    state.status = oci::Status::created;
    InsideHook where{spec.process.env, "/", spec.process.user.uid, spec.process,
                     spec.linux.seccomp};
    where.default_seccomp = !spec.linux.seccomp;
    TRY(oci_verbs::run_hooks_inside(spec.hooks.start_container, "startContainer", where, state,
                                    facts));
    return running.go_on();
}

Result<> run_poststart_hooks(Running& running, const oci::Hooks& hooks, oci::ContainerState state,
                             int bundle) {
    if (hooks.poststart.empty()) return {};
    state.pid = running.pid();
    state.status = oci::Status::running;
    auto done = oci_verbs::run_hooks(hooks.poststart, "poststart", state,
                                     "/proc/self/fd/" + std::to_string(bundle));
    if (done) return {};
    Error error = std::move(done).error();
    auto killed = running.send_signal(SIGKILL);
    // not_found: it has ended.
    if (!killed && killed.error().code() != Code::not_found)
        error = std::move(error).with_cleanup(killed.error());
    return fail(std::move(error));
}

}  // namespace crank::runtime
