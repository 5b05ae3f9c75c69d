// What another runtime finds on the disk, and hears of a container that it makes.
#pragma once

#include "base/error.h"
#include "engine/local/exec.h"
#include "engine/local/shared.h"
#include "engine/local/start.h"
#include "engine/record.h"
#include "oci/runtime_spec.h"
#include "runtime/runtime.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// Its bundle in the state directory, which goes with it; of `launch` the spec is what it was made
// of, and what the runtime takes is added. Returns what it will write its errors to, open: the file
// may go before they are read. Invalid: crank is the runtime.
Result<sys::UniqueFd> make_bundle(const StartRequest& request, const Record& record, Shared& shared,
                                  runtime::LaunchRequest& launch);
// The error of a start or an exec, with what stands in that file.
Error explain_other(const Record& record, const sys::UniqueFd& log, Error error);

// `exec` by the container's own runtime, with `process` as it is to be.
Result<Executed> execute_by_other(const ExecRequest& request, const oci::Process& process);

}  // namespace crank::engine::local
