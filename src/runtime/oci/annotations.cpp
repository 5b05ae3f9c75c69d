#include "runtime/oci/annotations.h"

#include <algorithm>

#include "runtime/builder.h"
#include "runtime/seccomp_spec.h"
#include "sys/system.h"

namespace crank::runtime::oci_verbs {
namespace {

bool is_set(const oci::RuntimeSpec& spec, const char* name) {
    auto found = spec.annotations.find(name);
    return found != spec.annotations.end() && !found->second.empty() && found->second != "0" &&
           found->second != "false";
}

Result<> refuse_unknown_calls(const oci::Seccomp& seccomp) {
    LoadedFilter filter = TRY(compile_spec(seccomp));
    if (filter.unknown_names.empty()) return {};
    return fail(Error(Code::invalid_argument, "linux.seccomp: there is no system call " +
                                                  filter.unknown_names.front() +
                                                  " (run.oci.seccomp_fail_unknown_syscall)")
                    .with_hint("without that annotation such a rule is ignored"));
}

}  // namespace

Result<std::vector<std::string>> follow_annotations(const oci::RuntimeSpec& spec,
                                                    oci::Process& process) {
    std::vector<std::string> warnings;
    if (is_set(spec, "run.oci.seccomp_fail_unknown_syscall") && spec.linux.seccomp)
        TRY(refuse_unknown_calls(*spec.linux.seccomp));
    if (!is_set(spec, "run.oci.keep_original_groups")) return warnings;
    if (has_user_namespace(spec)) {
        warnings.emplace_back(
            "run.oci.keep_original_groups: the groups of a container in a user namespace are its "
            "own: ignored");
        return warnings;
    }
    auto& groups = process.user.additional_gids;
    for (gid_t group : TRY(sys::supplementary_groups()))
        if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
    return warnings;
}

}  // namespace crank::runtime::oci_verbs
