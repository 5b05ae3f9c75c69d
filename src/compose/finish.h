// What stands between the merged files and a project: defaults, implied fields, environment,
// references. Internal to load.
#pragma once

#include "compose/load.h"

namespace crank::compose {

// Defaults of ports, secrets, dependencies, GPUs; the default network; names of networks and
// volumes; what links, volumes_from and shared namespaces depend on; the environment's values.
Result<void> normalise(Node& model, const std::string& name, const Environment& environment,
                       const Diagnostics& diagnostics);

// env_file and label_file read into environment and labels.
Result<void> resolve_environment(Node& services, const Environment& environment, Files& files,
                                 Diagnostics& diagnostics);

// References to what is not declared, limits that contradict each other, cycles.
Result<void> check_consistency(const Node& model, const Node& disabled,
                               const Diagnostics& diagnostics);

// Networks, volumes, secrets and configs that no service uses, left out.
void drop_unused(Node& model);

}  // namespace crank::compose
