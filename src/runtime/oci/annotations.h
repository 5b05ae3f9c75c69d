// Annotations by which crun's callers say what no field of the configuration does.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace crank::runtime::oci_verbs {

// run.oci.keep_original_groups (podman's `--group-add keep-groups`): the process gets the caller's
// supplementary groups. run.oci.seccomp_fail_unknown_syscall: a filter that names a call which no
// architecture has is an error. Where one cannot be followed the text is a warning.
Result<std::vector<std::string>> follow_annotations(const oci::RuntimeSpec& spec,
                                                    oci::Process& process);

}  // namespace crank::runtime::oci_verbs
