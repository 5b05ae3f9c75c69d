// The objects that services and the project's own fields share. Internal to the room's schema.
#pragma once

#include "compose/schema.h"

namespace crank::compose {

extern const ObjectSpec kBuild, kDeploy, kDevelop, kHealthcheck, kHook;
extern const ObjectSpec kMount, kPort, kDevice, kFileReference, kUlimit, kDeviceRequest;
extern const ObjectSpec kWorker;
extern const TextRule kContainerName, kPullPolicy;

}  // namespace crank::compose
