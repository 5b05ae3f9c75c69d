// What `crank oci` keeps of its containers: <root>/<id>/, mode 0700, with
//
//   state.json   oci::ContainerRecord; a container exists when this does
//   config.json  the configuration that it was created with
//   start        the socket on which its first process waits to be started
//   lock         held by a command that changes it
//   groups       its groups are its own; locked by the shim that may still remove them
//
// and <root>/.changing/<id>, a link to "PID:START_TIME" of the command that creates or removes it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace crank::runtime::oci_verbs {

// invalid_argument: an id is made of letters, digits and _+-. and does not begin with a dot.
Result<> check_id(const std::string& id);

class Store;

// A container that is being created. Until it is kept, dropping it removes its directory.
class Creation {
public:
    Creation(Creation&& other) noexcept;
    Creation& operator=(Creation&&) = delete;
    ~Creation();
    const std::string& dir() const { return dir_; }
    // From here on a sweep also removes its groups, and ends what lives in them; so does a drop.
    // The descriptor, owned by this, is the lock that the shim holds as well.
    Result<int> claim_groups(std::string cgroups_path, const HostFacts& facts);
    // The record makes it exist.
    Result<> write(const oci::ContainerRecord& record);
    void keep();

private:
    friend class Store;
    Creation(std::string marker, std::string dir)
        : marker_(std::move(marker)), dir_(std::move(dir)) {}
    std::string marker_, dir_;
    sys::UniqueFd claim_;
    std::function<Result<>()> remove_groups_;
    bool live_ = true, kept_ = false;
};

class Store {
public:
    explicit Store(std::string root) : root_(std::move(root)) {}

    std::string dir(const std::string& id) const { return root_ + "/" + id; }
    // Makes the directory. already_exists: the id is taken. Sweeps first what commands that were
    // killed left behind.
    Result<Creation> begin(const std::string& id, const HostFacts& facts);
    // not_found: container "x" does not exist.
    Result<oci::ContainerRecord> read(const std::string& id) const;
    Result<oci::RuntimeSpec> read_spec(const std::string& id) const;
    Result<std::vector<std::string>> ids() const;  // sorted
    // Held until the descriptor goes; the container exists then.
    Result<sys::UniqueFd> lock(const std::string& id) const;
    Result<> remove(const std::string& id) const;
    // One that was being created by a command that is gone: its groups and its directory. Those of
    // `wanted` are gone afterwards; what another's shim still cleans up is left to a later sweep.
    Result<> sweep(const HostFacts& facts, std::string_view wanted = "") const;
    // Until the shim of a killed `create` has cleaned up: what it removes by its path could by then
    // be the next container's. in_use: it does not end.
    Result<> wait_for_shim(const std::string& id) const;

private:
    Result<std::string> mark(const std::string& id) const;  // the marker's path
    // false: its shim, or another sweep, is still at it.
    Result<bool> sweep_one(const std::string& id, const HostFacts& facts,
                           std::chrono::milliseconds patience) const;
    Result<> remove_left_over(const std::string& id, const HostFacts& facts) const;
    std::string changing() const { return root_ + "/.changing"; }
    std::string root_;
};

}  // namespace crank::runtime::oci_verbs
