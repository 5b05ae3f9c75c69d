// x-crank.native: a service that runs as a process of this machine, without a container. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compose/diagnostics.h"
#include "compose/node.h"

namespace crank::compose {

// Of this machine, what decides where a service runs.
struct Surroundings {
    std::string system = "linux";  // or "macos"
    std::set<std::string> gpus;    // "nvidia", "amd", "intel", "apple"
    bool containers = true;        // it can start them
};

struct NativeOptions {
    std::vector<std::string> when;                    // any of these
    std::optional<std::vector<std::string>> command;  // nothing: the service's
    std::vector<std::string> setup;                   // each a line for sh
    std::string directory;  // whose copy a release is; empty: of none but a build's context
    std::string port_variable = "PORT";
    bool own_ports = false;  // it listens on its targets itself, whatever the variable says
    std::vector<std::pair<std::string, std::optional<std::string>>> environment;  // over the others
    Position at;
};

// Of a normalised service's x-crank; nothing: there is none, or it is false. Errors: a `when` or a
// variable's name that is none.
Result<std::optional<NativeOptions>> native_options(const Node& worker, const std::string& path,
                                                    const Diagnostics& diagnostics);

// Where it runs, and why.
struct Placement {
    bool native = false;
    std::string why;  // empty: nobody has said anything
};
Placement place(const std::optional<NativeOptions>& options, const Surroundings& here);

// Whether it runs natively for the sake of a GPU, as its `when` says.
bool is_for_gpu(const NativeOptions& options);

// Of a service that runs natively: warns of each field that means something to a container alone.
// Errors: what would mean something else without one.
Result<void> check_native(const Node& service, const std::string& path,
                          const NativeOptions& options, Diagnostics& diagnostics);

}  // namespace crank::compose
