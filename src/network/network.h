// Networks of containers: a namespace, a bridge, an address, a published port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::network {

// The default bridge. Its device, subnet and NAT rules are made by the first container that needs
// them and stay until `remove_bridge` (as Docker's docker0 does).
struct BridgeConfig {
    std::string device;     // empty: "crank0" with the usual state_dir, /run/crank/network; with
                            // another one a name made from it, so that the two keep apart
    std::string subnet;     // CIDR, "10.88.0.0/16"; empty: the first of the built-in candidates
                            // that overlaps no route and no address of the host; then remembered
                            // in state_dir
    std::string state_dir;  // absolute, on a file system that a reboot empties: leases, lock
    // The network namespace in which the bridge lies, not owned; -1: the caller's. Not the host's
    // where crank is not the host's root.
    int home = -1;

    // Of a network that somebody has defined.
    std::string definition = {};  // the file that says so: without it nothing is made
    std::string gateway = {};     // the bridge's address; empty: the subnet's first
    std::string range = {};       // CIDR in the subnet: what containers get; empty: all of it
    std::string subnet6 = {};     // CIDR; empty: no IPv6
    std::string gateway6 = {};
    bool internal = false;   // nothing leads out, and this host's own ports are closed to it
    bool masquerade = true;  // what leads out does so with the host's address
    bool between = true;     // its containers reach each other
    std::uint32_t mtu = 0;   // 0: what the ways out allow
};

// The name of the bridge's device, chosen as said above.
std::string device_of(const BridgeConfig& bridge);

struct Attachment {
    std::string address;  // "10.88.0.2"
    int prefix = 16;
    std::string gateway;  // "10.88.0.1"
    std::string mac;
    std::string host_device;
    std::string container_id;
    std::string lease_path;  // absolute; release() takes it back
    // With IPv6.
    std::string address6 = {}, gateway6 = {}, lease6_path = {};
    int prefix6 = 0;
    std::string device = "eth0";  // in the container
    bool leads_out = true;        // its default routes go through this one
    // Of the first lease alone, which makes the bridge: forward_obstacles().
    std::vector<std::string> warnings = {};
};

// Addresses that are asked for; empty: any.
struct WantedAddresses {
    std::string ip = {}, ip6 = {};
};

// Runs `work` where the bridge lies.
Result<> beside_bridge(const BridgeConfig& bridge, const std::function<Result<>()>& work);

// A new network namespace, empty but for lo (down); the caller stays in its own.
Result<sys::UniqueFd> create_namespace();
// Brings lo up inside (127.0.0.1, ::1).
Result<> bring_up_loopback(int namespace_fd);

// attach() is lease() and then connect(). They are apart because what a start needs before the
// worker is launched (the targets of published ports, /etc/hosts, what is removed after the exit)
// depends on the address alone, and the rest is done while the worker's root is being mounted.

// Reserves an address by making the symbolic link `lease_path` exclusively. Only the very first one
// of a state_dir also makes the bridge, which decides on the subnet. Every field of the result is
// set (host_device and mac are chosen here). Errors: exhausted (no free address, or no free range
// for a bridge), and those of connect() that concern the bridge.
// invalid_argument: what is wanted is no address of the bridge's; already_exists: another container
// has it; not_found: the network has been removed.
Result<Attachment> lease(const BridgeConfig& bridge, std::string_view container_id,
                         const WantedAddresses& wanted = {});
// Makes what is missing of the bridge (device, address, forwarding, masquerading in an nf_tables
// table of our own, `ip crank_<device>`; others flush rules) and creates a veth whose peer is born
// as eth0 inside the namespace, with address, default route and lo up; returns when packets flow
// (link state flushed). IPv4 alone: eth0 has no IPv6, lo has. Two commands at once are normal.
// Errors undo what was done here; the lease stays: already_exists (the device belongs to somebody
// else, or to another state_dir), in_use (the configured subnet overlaps a route),
// failed_precondition (the bridge has another subnet), permission_denied (needs CAP_NET_ADMIN and
// CAP_SYS_ADMIN), unsupported (a kernel without nf_tables, bridge or veth).
Result<> connect(const BridgeConfig& bridge, const Attachment& attachment, int namespace_fd);
// Both; an error gives the lease back.
Result<Attachment> attach(const BridgeConfig& bridge, std::string_view container_id,
                          int namespace_fd);
// Takes the lease back (the veth goes with its namespace). not_found is no error.
Result<> release(const Attachment& attachment);
// Takes back the leases of containers that `alive` does not know, after crashes; how many. `alive`
// must already know a container when lease() is called for it.
Result<std::size_t> sweep_leases(const BridgeConfig& bridge,
                                 const std::function<bool(const std::string& container_id)>& alive);
// Chains of the host (Docker's, a firewall's) that drop forwarded packets unless a rule of theirs
// accepts them, one sentence each, with the remedy: containers may reach no other host. crank does
// not write into other programs' chains.
Result<std::vector<std::string>> forward_obstacles(const BridgeConfig& bridge);
// The names of such chains, in the network namespace of this process: "chain FORWARD of table ip
// filter". What cannot be found out is none.
std::vector<std::string> drops_forwarded();
// The same of packets that are for this host itself.
std::vector<std::string> drops_incoming();
// Removes bridge, rules and state where no lease is left: in_use otherwise. `meanwhile` is called
// when that is decided and nobody can take one: an error of it leaves everything as it is.
Result<> remove_bridge(const BridgeConfig& bridge, const std::function<Result<>()>& meanwhile = {});
// Takes a container off that runs: its device goes, and the routes through it. `successor`, if any,
// gets the default routes.
Result<> disconnect(const BridgeConfig& bridge, const Attachment& attachment, int namespace_fd,
                    const Attachment* successor);

// A range of addresses for a network that somebody defines: the first of the built-in ones that
// overlaps no route and no address where the bridge is to lie, and none of `others`. Error:
// exhausted.
Result<std::string> find_subnet(int home, const std::vector<std::string>& others);
// Whether somebody has a route into it: in_use, naming that one. `home` as in BridgeConfig.
Result<> check_free(int home, const std::string& subnet);

// `-p [ip:][host]:container[/tcp|udp]`, also ranges of equal length; host port 0 or empty: any
// free one.
struct PortSpec {
    std::string host_ip;  // empty: the default publish address
    std::uint16_t host_port = 0;
    std::uint16_t container_port = 0;
    std::string protocol = "tcp";
    bool operator==(const PortSpec&) const = default;
};
// Errors: invalid_argument naming the text and the part that is wrong; unsupported for sctp.
Result<std::vector<PortSpec>> parse_port(std::string_view text);

// The addresses that it is published at: one, or with the second, which the host may lack, both of
// this machine's loopback or of everything.
std::vector<std::string> published_addresses(const PortSpec& port,
                                             std::string_view default_host_ip);

// A bound listener of a published port (design.md section 5). Without an address: 127.0.0.1 and
// ::1, two sockets.
struct Listener {
    sys::UniqueFd fd;  // non-blocking, close-on-exec, listening
    std::string host_ip;
    std::uint16_t host_port = 0;  // the real one
    std::uint16_t container_port = 0;
};
// Errors: already_exists with "port 8501 on 127.0.0.1 is in use by nginx (pid 123)" where it can be
// found out, permission_denied for ports below net.ipv4.ip_unprivileged_port_start.
Result<std::vector<Listener>> listen_on(const PortSpec& port, std::string_view default_host_ip);

}  // namespace crank::network
