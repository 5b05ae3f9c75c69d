// What a process of a configuration has that cannot be had, or stands twice.
#pragma once

#include <string>
#include <vector>

#include "oci/runtime_spec.h"

namespace crank::runtime::oci_verbs {

// Of each variable the last value stays, and no empty HOME. Capabilities that crank or the rules of
// capabilities(7) do not know are left out (config.md, "Linux Process"): the texts are warnings.
std::vector<std::string> prepare_process(oci::Process& process);

}  // namespace crank::runtime::oci_verbs
