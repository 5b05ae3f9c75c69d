// Addresses of containers as files: state_dir/leases/10.88.0.7 is a symbolic link whose target is
// the container's id. Making it is atomic and exclusive, so there is no list and no daemon.
// `next` is a hint where to look, so the cost does not grow with the number of containers, and an
// address that was given back rests until the range has been gone through (its old device and its
// neighbours' memory of it are gone by then). It is locked while one address is taken.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "network/subnet.h"
#include "sys/ipv4.h"
#include "sys/ipv6.h"

namespace crank::network {

struct Lease {
    sys::Ipv4 address;
    std::string path;
};

// What the containers of a network may have.
struct Pool {
    // All but the gateway, which is the first.
    Pool(const sys::Ipv4Prefix& whole) : subnet(whole), gateway(gateway_of(whole)) {}
    sys::Ipv4Prefix subnet;
    sys::Ipv4 gateway;
    std::optional<sys::Ipv4Prefix> range = {};
};

struct Lease6 {
    sys::Ipv6 address;
    std::string path;
};

// The directory. What is there already stays.
Result<> prepare_leases(const std::string& state_dir);
// Any number of processes may do so at once. Error: exhausted.
Result<Lease> take_lease(const std::string& state_dir, const Pool& pool,
                         std::string_view container_id);
// The last one that is free, and none of `others`: those of services, so that they are the same
// again after `crank down`, and out of the way of who asks for one. Errors: exhausted.
Result<Lease> take_last_lease(const std::string& state_dir, const Pool& pool, std::string_view id,
                              const std::vector<std::string>& others);
// The one that is asked for. Errors: invalid_argument (none of the subnet's), already_exists.
Result<Lease> take_wanted_lease(const std::string& state_dir, const Pool& pool,
                                std::string_view container_id, std::string_view wanted);
// As `wanted` says; where that is empty, as far behind the range's beginning as the container's
// IPv4 address is behind its own: nobody else has that one, but for who asked for it.
Result<Lease6> take_lease6(const std::string& state_dir, const sys::Ipv6Prefix& subnet,
                           const sys::Ipv6& gateway, std::string_view container_id,
                           std::string_view wanted, std::uint32_t offset);
// Gives it back if it is still this container's; a lease that is gone is no error.
Result<> drop_lease(const std::string& path, std::string_view container_id);
// Whether the address is his.
bool holds_lease(const std::string& state_dir, const std::string& address, std::string_view id);
// His IPv4 address; empty: he has none. At the cost of all leases.
Result<std::string> find_lease(const std::string& state_dir, std::string_view id);
// Of containers: those of services come and go with their networks.
Result<std::size_t> count_leases(const std::string& state_dir);
// Drops the leases of containers that do not live; how many.
Result<std::size_t> drop_dead_leases(const std::string& state_dir,
                                     const std::function<bool(const std::string& id)>& alive);

}  // namespace crank::network
