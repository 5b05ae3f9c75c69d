// Python byte code in a layer, made again so that it is the same each time: in sorted order, by one
// process of the image's own Python, with hashes that are never checked against the source (PEP
// 552: a clamped modification time would make the other kind stale at every start).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/container.h"
#include "build/workspace.h"

namespace crank::build {

// What a byte code file's name says: "__pycache__/x.cpython-311.opt-1.pyc" is for python3.11.
// Empty where the name follows another convention.
std::string interpreter_of(std::string_view pyc_path);

struct RecompileReport {
    std::vector<std::string> warnings;  // files left as they were, and why
};

// `files`: below the root, in the workspace's upper directory (TidyReport::bytecode). The content
// of a file is replaced, its owner and mode stay; byte code without its source stays as it is.
// `env`: of the image, for PATH. Errors: as run_container, step_failed.
Result<RecompileReport> recompile(const Workspace& workspace, std::span<const std::string> files,
                                  std::span<const std::string> env, const ContainerHost& host);

}  // namespace crank::build
