// Addresses of containers as files: state_dir/leases/10.88.0.7 is a symbolic link whose target is
// the container's id. Making it is atomic and exclusive, so there is no list and no daemon.
// `next` is a hint where to look, so the cost does not grow with the number of containers, and an
// address that was given back rests until the range has been gone through (its old device and its
// neighbours' memory of it are gone by then). It is locked while one address is taken.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/ipv4.h"

namespace crank::network {

struct Lease {
    sys::Ipv4 address;
    std::string path;
};

// The directory. What is there already stays.
Result<> prepare_leases(const std::string& state_dir);
// Any number of processes may do so at once. Error: exhausted.
Result<Lease> take_lease(const std::string& state_dir, const sys::Ipv4Prefix& subnet,
                         std::string_view container_id);
// The one that is asked for. Errors: invalid_argument (none of the subnet's), already_exists.
Result<Lease> take_wanted_lease(const std::string& state_dir, const sys::Ipv4Prefix& subnet,
                                std::string_view container_id, std::string_view wanted);
// Gives it back if it is still this container's; a lease that is gone is no error.
Result<> drop_lease(const std::string& path, std::string_view container_id);
Result<std::size_t> count_leases(const std::string& state_dir);
// Drops the leases of containers that do not live; how many.
Result<std::size_t> drop_dead_leases(const std::string& state_dir,
                                     const std::function<bool(const std::string& id)>& alive);

}  // namespace crank::network
