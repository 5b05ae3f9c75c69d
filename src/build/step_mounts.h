// What RUN --mount brings into the container of a step.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/agent_relay.h"
#include "build/build.h"
#include "build/graph.h"
#include "build/source_tree.h"
#include "build/workspace.h"
#include "oci/runtime_spec.h"
#include "store/store.h"

namespace crank::build {

// Where a mount's files come from: layers, and of a directory's files those that were selected.
struct MountSource {
    const SourceTree* tree = nullptr;
    std::vector<SelectedSource> selection;
    std::vector<oci::Digest> layers;
    std::string path = "/";  // what is mounted of the layers
};

// Part of a cache key and of what a cache begins with.
oci::Digest content_of(const MountSource& source);

struct StepMounts {
    std::vector<oci::Mount> mounts;
    std::map<std::string, sys::UniqueFd> made;  // detached mounts, by the source they stand for
    std::vector<std::string> env;               // NAME=value: secrets, SSH_AUTH_SOCK
    // Until the step has ended:
    std::vector<sys::UniqueFd> locks;  // of caches
    std::vector<OwnAgent> agents;
    std::vector<AgentRelay> relays;
};

// `sources`: one per mount. Errors: not_found (a path, a secret or an agent that the step cannot do
// without), invalid_argument, cancelled.
Result<StepMounts> prepare_mounts(const RunOp& op, std::span<const MountSource> sources,
                                  Workspace& workspace, const BuildRequest& request,
                                  store::Store& store);

}  // namespace crank::build
