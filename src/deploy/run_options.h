// What `crank run` would be given for a service's container.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "engine/options.h"

namespace crank::deploy {

struct ContainerNames {
    // Of networks and volumes by their keys, of a service's first container.
    std::function<std::string(const std::string& key)> network, volume;
    std::function<std::string(const std::string& service)> container;
    // Where the content of a secret or config lies on this machine: to be read, or mounted.
    std::function<Result<std::string>(const compose::FileUse& use)> file;
    // A profile of --security-opt.
    std::function<Result<std::string>(const std::string& path)> read;
};

// What --gpus would be told for it; empty: it asks for none.
std::string gpus_flag(const compose::Service& service);

// Without name and labels of the project. Errors: those of the parsers of `run`'s flags, with the
// service's name in front.
Result<engine::RunOptions> run_options(const compose::Service& service,
                                       const ContainerNames& names);

// Of one that runs natively: what of these `crank run --native` has. Of `names`, `file` alone is
// asked.
struct NativePlace {
    std::string directory;  // absolute: where it runs
    std::map<std::uint16_t, std::uint16_t> ports;
};
Result<engine::RunOptions> native_run_options(const compose::Service& service,
                                              const NativePlace& place,
                                              const ContainerNames& names);

}  // namespace crank::deploy
