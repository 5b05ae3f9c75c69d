// Where crank keeps things (design.md section 4).
#pragma once

#include <string>

#include "base/error.h"

namespace crank::engine {

// All absolute.
struct Paths {
    std::string root;    // images and containers: survives a reboot
    std::string state;   // monitors, leases: ends with the machine
    std::string config;  // the user's configuration file; need not exist

    std::string containers() const { return root + "/containers"; }
    std::string volumes() const { return root + "/volumes"; }
    std::string volume(const std::string& name) const { return volumes() + "/" + name; }
    std::string names() const { return root + "/names"; }
    // The immutable record of a container, its logs and its layer.
    std::string container(const std::string& id) const { return root + "/containers/" + id; }
    // Where a container's directory goes first when it is removed: one rename, and it is no more.
    std::string going(const std::string& id) const { return container(id) + ".going"; }
    // Who has which ids of the host, for user namespaces.
    std::string ids() const { return root + "/ids"; }
    std::string name(const std::string& name) const { return root + "/names/" + name; }
    // What its monitor writes, and the files that are mounted over the image's.
    std::string monitor(const std::string& id) const { return state + "/containers/" + id; }
    // An empty directory: each container mounts its root on it in a mount namespace of its own.
    std::string mount_point() const { return state + "/rootfs"; }
    std::string network() const { return state + "/network"; }
    // Networks that somebody has defined: the definitions, and what a bridge has.
    std::string networks() const { return root + "/networks"; }
    std::string network_states() const { return state + "/networks"; }
    // What the gateway of a project has: its socket, its log.
    std::string gateway(const std::string& project) const { return state + "/gateways/" + project; }
};

// What the command line says; empty: the environment (CRANK_ROOT, CRANK_STATE, CRANK_CONFIG), and
// then the usual places: /var/lib/crank and /run/crank for root, $XDG_DATA_HOME/crank (or
// ~/.local/share/crank) and $XDG_RUNTIME_DIR/crank (or /run/user/UID/crank, or
// /tmp/crank-UID) for others; $XDG_CONFIG_HOME/crank/config.json
// (or ~/.config/...) for all.
struct GivenPaths {
    std::string root, state, config;
};
// Errors: failed_precondition when there is no home directory to derive one from.
Result<Paths> find_paths(const GivenPaths& given);

// The directory of this executable, the shim's and crank-net's first place. Absolute.
Result<std::string> program_dir();
// Beside it, or in libexec. Errors: not_found.
Result<std::string> crank_net_path();
Result<std::string> crank_gateway_path();

}  // namespace crank::engine
