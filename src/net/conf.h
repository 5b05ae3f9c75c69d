// registries.conf, from where it stands (containers-registries.conf(5)).
#pragma once

#include "base/error.h"
#include "registry/registries_conf.h"

namespace crank::net {

// CONTAINERS_REGISTRIES_CONF alone; else the user's file, which takes the system's place, and what
// the directories beside both add. Errors: those of the files.
Result<registry::RegistriesConf> read_registries_conf();

}  // namespace crank::net
