// Starting a process that goes to the caller: no monitor of crank's stays (`crank oci`).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unit_property.h"
#include "oci/runtime_spec.h"
#include "runtime/handshake.h"
#include "runtime/plan.h"
#include "sys/netns.h"
#include "sys/unique_fd.h"

namespace crank::runtime {

// Not owned; the caller's own 0, 1 and 2, a terminal's socket, and what is handed on.
struct HandedFds {
    int stdio[3] = {0, 1, 2};
    int console = -1;          // connected; with process.terminal
    bool plain_lines = false;  // of that terminal
    int first_preserved = 3;   // so many from here on become the program's 3, 4, ...
    std::uint32_t preserved = 0;
    std::vector<int> missing;  // numbers among them that are not handed on
};

// A started process, until it is released. Dropped before that, it is killed, and what was made for
// it is removed.
class Handed {
public:
    Handed(Handed&&) noexcept = default;
    Handed& operator=(Handed&&) noexcept = default;

    enum class Reached : std::uint8_t {
        hooks,     // everything is mounted, the root is not entered yet; goes on by open_gate()
        created,   // waits on the start socket
        executed,  // the program runs
        listener,  // its filter's listener comes over the channel, and it waits for a byte there
    };
    // The next of these. Errors name the step that failed; the deadline is 60 s.
    Result<Reached> wait();
    Result<> open_gate();
    pid_t pid() const { return pid_; }  // after the first wait
    int channel() const { return channel_.get(); }
    const StepNames& steps() const { return handshake_.steps(); }
    // It is recorded: from here on it is the subreaper's of the caller.
    Result<> release();
    // The same in two steps: after let_go() it has its new parent soon, after settle() it has it.
    Result<> let_go();
    Result<> settle();
    // Kills it, and returns when what was made for it is removed.
    void abandon();

private:
    friend Result<Handed> hand_over(struct HandOverRequest request, const HostFacts& facts);
    friend Result<Handed> hand_over_join(struct HandOverJoin request, const HostFacts& facts);
    Handed() = default;

    Handshake handshake_{StepNames{}};
    sys::UniqueFd control_, gate_, channel_;
    sys::Child shim_, holder_;
    pid_t pid_ = -1;
};

struct HandOverRequest {
    oci::RuntimeSpec spec;       // root_path absolute
    sys::UniqueFd start_socket;  // listening; invalid: the program is executed at once
    sys::NetworkNamespaceToCome network_namespace;  // where wants_new_network() says so
    // Where devices of a container in a user namespace are made; gone with the container.
    std::string scratch;
    bool wait_for_hooks = false;
    bool new_keyring = true;  // a session keyring of its own, so that it cannot read the caller's
    std::string keyring;      // its name
    HandedFds fds;
    // The groups are those of this scope of systemd's, whose name it is; empty: none is asked for.
    std::string scope;
    std::vector<UnitProperty> scope_properties;
    // Called once it is known that nobody lives in its groups, which are its own from here on. The
    // descriptor, not owned, is held by all that may still enter or remove them when crank is gone.
    std::function<Result<int>()> claim_groups;
};
Result<Handed> hand_over(HandOverRequest request, const HostFacts& facts);

// Whether the container will have a network namespace that can be made beforehand: a new one that
// belongs to the host's user namespace.
bool wants_new_network(const oci::Linux& config);

// A second process of a running container.
struct HandOverJoin {
    pid_t pid = -1;
    std::uint64_t start_time = 0;
    std::string cgroups_path;  // empty: none to join
    // A group below it that is joined instead, of these v1 controllers or of all.
    std::string sub_cgroup;
    std::vector<std::string> sub_controllers;
    oci::Process process;
    std::optional<oci::Seccomp> seccomp;
    std::optional<std::string> personality;
    std::optional<oci::MemoryPolicy> memory_policy;
    std::string keyring;  // of its session, a new one; empty: the caller's
    HandedFds fds;
    bool shares_mounts = false;  // the container has no mount namespace of its own
};
Result<Handed> hand_over_join(HandOverJoin request, const HostFacts& facts);

}  // namespace crank::runtime
