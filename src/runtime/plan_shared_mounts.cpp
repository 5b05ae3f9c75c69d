// A container without a mount namespace of its own (decision 32): its root is a copy that is in no
// mount namespace, and what would lead from there into the host's is refused.
#include <algorithm>

#include "runtime/builder.h"
#include "runtime/mount_options.h"

namespace crank::runtime {
namespace {

constexpr std::uint64_t kRecursive = 0x4000, kPrivate = std::uint64_t{1} << 18;  // MS_*

bool is_private(std::uint64_t propagation) { return (propagation & ~kRecursive) == kPrivate; }

Error with_namespace(Error error) {
    return std::move(error).with_hint(R"(add {"type": "mount"} to linux.namespaces)");
}

}  // namespace

bool shares_mounts(const oci::RuntimeSpec& spec, const Given& given) {
    return given.hand_over && std::ranges::none_of(spec.linux.namespaces, [](const auto& ns) {
               return ns.type == "mount";
           });
}

Result<> check_shared_rights(const oci::CapabilitySets& sets, const std::string& field) {
    // setns(2) on /proc/self/ns/mnt gives who has it, and CAP_SYS_CHROOT, the host's own root; the
    // mounts it could make would be the host's.
    for (const auto* names :
         {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient})
        if (std::ranges::find(*names, "CAP_SYS_ADMIN") != names->end())
            return fail(with_namespace(
                Error(Code::invalid_argument,
                      field + ": CAP_SYS_ADMIN needs a mount namespace: in the host's it would "
                              "lead out of the container's root")));
    return {};
}

Result<> check_shared_mounts(const oci::RuntimeSpec& spec) {
    TRY(check_shared_rights(spec.process.capabilities, "process.capabilities"));
    auto refuse = [](const std::string& what) {
        return fail(with_namespace(
            Error(Code::invalid_argument, what + " needs a mount namespace: without one nothing "
                                                 "mounted for the container has peers")));
    };
    const std::string& root = spec.linux.rootfs_propagation;
    if (!root.empty() && !is_private(propagation_of(root).value_or(0)))
        return refuse("linux.rootfsPropagation: '" + root + "'");
    for (const auto& mount : spec.mounts) {
        ParsedOptions options = TRY(parse_options(mount));
        if (options.propagation != 0 && !is_private(options.propagation))
            return refuse("mounts: the propagation of " + mount.destination);
    }
    return {};
}

void drop_private(std::vector<oci::Mount>& mounts) {
    for (auto& mount : mounts)
        std::erase_if(mount.options, [](const std::string& option) {
            return is_private(propagation_of(option).value_or(0));
        });
}

}  // namespace crank::runtime
