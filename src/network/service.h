// Addresses of services: one that stands for the containers of a service on a network, and stays
// while they come and go (decision 49). It is leased as a container's is, by an id that begins as
// kServicePrefix says, and put on the bridge's device, so that it is near on internal networks too.
// The rules of the bridge's table lead what comes to it to one of its containers, and refuse it
// where none runs.
//
// Ports of it that are relayed somebody on this host listens for, a project's gateway, and sees to
// where each request goes: what comes to them is led there.
//
// state_dir/services/ID holds what it is, written last and replaced whole. Who leads it where is
// told, not found out; a container counts while the lease of its address is its own, so what has
// ended counts no more, whoever makes the rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "network/host.h"
#include "network/network.h"
#include "sys/unique_fd.h"

namespace crank::network {

inline constexpr std::string_view kServicePrefix = "service-";
// Of the holder of a lease.
bool is_service(std::string_view id);

struct ServiceBackend {
    std::string container, address;
    bool operator==(const ServiceBackend&) const = default;
};

// Where somebody listens for it, at the service's address: by port of the service.
using RelayedPorts = std::map<std::uint16_t, std::uint16_t>;

struct Service {
    std::string id;  // kServicePrefix and what makes it this one
    std::string project, name;
    std::vector<std::string> names;  // that lead to it; the first is what its address leads back to
    std::string address = {};
    std::vector<ServiceBackend> backends = {};
    RelayedPorts relayed = {};
    bool operator==(const Service&) const = default;
};

// Also of one that was given back half way; with the backends that count. A file that says nothing
// is left out: its service gets another.
Result<std::vector<Service>> list_services(const std::string& state_dir);

struct PutOptions {
    // Nothing: those that it has had.
    std::optional<std::vector<ServiceBackend>> backends = {};
    std::optional<RelayedPorts> relayed = {};
    // Addresses that containers will ask for: it takes none of these.
    std::vector<std::string> others = {};
};
// What came of a change. Warnings: chains of the host's that keep packets from its containers, told
// once, with the address.
struct PutService {
    std::string address;
    std::vector<std::string> warnings = {};
};

// It has an address, its names lead there, and what comes to that is led to the backends. In this
// order, all under the bridge's lock: whoever finds its
// names finds its address in place. Errors: those of lease() and connect(); failed_precondition
// where containers of the network do not reach each other.
Result<PutService> put_service(const BridgeConfig& bridge, Service wanted,
                               const PutOptions& options = {});
// A socket that listens at the service's address, on a port that is free there and that
// `sys::local_port` tells. Errors: those of sys::listen_tcp().
Result<sys::UniqueFd> listen_for_service(const BridgeConfig& bridge, const std::string& address);
// Nothing of it is left; one that is not there is no error, nor a bridge that is not.
Result<> remove_service(const BridgeConfig& bridge, const std::string& id);
// A container has this address now, or (empty) has ended: services that know it lead there, or no
// more. Nothing to do, and nothing locked, where none does.
Result<> tell_services(const BridgeConfig& bridge, const std::string& container,
                       const std::string& address);

}  // namespace crank::network
