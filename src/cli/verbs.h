// Every verb, one definition per file.
#pragma once

#include "cli/verb.h"

namespace crank::cli {

extern const Verb kConfigGet, kConfigSet, kConfigUnset, kConfigList;
extern const Verb kInfo, kVersion;

}  // namespace crank::cli
