// A process in a workspace: RUN steps, and crank's own after them. The same road as `crank run`:
// an OCI runtime specification, handed to the runtime.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/workspace.h"
#include "oci/runtime_spec.h"
#include "oci/users.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"

namespace crank::build {

struct ContainerRequest {
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string cwd = "/";
    oci::UserEntry user;
    BuildRequest::Network network = BuildRequest::Network::none;
    std::vector<HostTrustMount> mounts;                    // read-only
    std::vector<oci::Mount> step_mounts;                   // of RUN --mount
    std::map<std::string, int> made_mounts;                // LaunchRequest::made_mounts of them
    const BuildRequest::StepSettings* settings = nullptr;  // none: crank's own step
};

// What all steps of a build share.
struct ContainerHost {
    const runtime::HostFacts* facts = nullptr;
    const network::BridgeConfig* bridge = nullptr;
    const std::function<Result<std::string>()>* open_way_out = nullptr;
    int cancel_fd = -1;
};

using OutputSink = std::function<void(bool error_stream, std::string_view text)>;

// Pure. `files`: a directory of the host with hosts, hostname and resolv.conf; `parent`: of its
// cgroup.
oci::RuntimeSpec container_spec(const ContainerRequest& request, const std::string& id,
                                const std::string& files, const std::string& parent);

// Runs it to its end. Nothing of it is left then: no process, cgroup, namespace or lease; they go
// too when this process is killed. Errors: those of runtime::launch, cancelled.
Result<runtime::ExitStatus> run_container(const Workspace& workspace,
                                          const ContainerRequest& request,
                                          const ContainerHost& host, const OutputSink& output);

}  // namespace crank::build
