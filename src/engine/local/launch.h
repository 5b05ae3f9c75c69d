// The second half of a start: from a container's record to its worker's first instruction.
#pragma once

#include "base/error.h"
#include "base/undo.h"
#include "engine/local/files.h"
#include "engine/local/network_plan.h"
#include "engine/local/prepare.h"
#include "engine/local/shared.h"
#include "engine/local/start.h"
#include "engine/record.h"
#include "engine/timeline.h"

namespace crank::engine::local {

// What a container is connected to.
struct Connections {
    NetworkPlan network;
    Shared shared;
};

// What stands in the files that crank writes for it.
FilesRequest own_files(const StartRequest& request, const NetworkPlan& network,
                       const Record& record);

// The container's directories, its files in the state directory and its record are there. `undo` is
// committed as soon as its monitor takes care of what it undoes.
Result<Started> launch(StartRequest& request, Prepared& prepared, Record record,
                       Connections connections, Timeline timeline, Undo& undo);

}  // namespace crank::engine::local
