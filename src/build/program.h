// A program of the host, with its output as it comes.
#pragma once

#include "base/error.h"
#include "build/container.h"
#include "sys/child.h"

namespace crank::build {

// Runs it to its end; `request.fds` are added to. When `cancel_fd` becomes readable it is killed
// and `cancelled` returned.
Result<sys::WaitStatus> run_program(sys::SpawnRequest request, int cancel_fd,
                                    const OutputSink& output);

// The file that a shell would run: `path` is the PATH to look in. Empty: there is none.
std::string find_program(std::string_view name, std::string_view path);

}  // namespace crank::build
