// `crank run --native`: a plain process under the verbs of containers.
#pragma once

#include "base/error.h"
#include "engine/local/start.h"

namespace crank::engine::native {

// The command is a process of its own session on the host, with the caller's identity, rights and
// environment; its log, exit and name are kept as a container's are. Limits are applied where the
// caller may make cgroups. Errors: as local::start; unsupported for options that only a container
// can have, naming them.
Result<local::Started> start(local::StartRequest request);

// As local::create and local::start_again. A later start has the environment of the command that
// starts it, below what was asked for.
Result<Record> create(local::StartRequest request);
Result<local::Started> start_again(local::StartRequest request, StartAttempt& attempt);

}  // namespace crank::engine::native
