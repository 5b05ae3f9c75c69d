// What this machine is, for where services run.
#pragma once

#include "compose/native.h"

namespace crank::deploy {

compose::Surroundings look_around();

}  // namespace crank::deploy
