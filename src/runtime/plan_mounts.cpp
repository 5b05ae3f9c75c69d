// The mounts of config.json, in their order.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/mount_options.h"

namespace crank::runtime {

using shim::OpKind;

std::string without_trailing_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with("/")) path.pop_back();
    return path;
}

namespace {

constexpr std::uint64_t kAttrRdonly = 0x1;  // mount_setattr(2); a plan sees no system header

bool is_in(std::string_view path, std::string_view dir) {
    return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

// Whether the mount belongs to the kernel's part of the tree, which masks and device nodes are made
// for: an image that has a link there is refused. A tmpfs for data may go where a link leads.
bool is_kernels(std::string_view type, std::string_view destination) {
    return type != "tmpfs" || is_in(destination, "/dev") || is_in(destination, "/proc") ||
           is_in(destination, "/sys");
}

void add_mount(Builder& builder, const std::string& type, const std::string& source,
               const std::string& destination, const std::string& data, std::uint64_t attributes) {
    shim::Op& op = builder.add(OpKind::mount_fs, "mount " + type + " on " + destination);
    std::array<std::string, 2> names{type, source.empty() ? type : source};
    std::uint32_t s1 = builder.list(names), s2 = builder.text(destination), s3 = builder.text(data);
    op.s1 = s1;
    op.s2 = s2;
    op.s3 = s3;
    op.a = attributes;
    op.b = is_kernels(type, destination) ? 1 : 0;
}

// The container's own view of its groups; with v1 a tmpfs with one mount per hierarchy.
void add_cgroup_mounts(Builder& builder, const std::string& destination, std::uint64_t attributes,
                       const HostFacts& facts) {
    if (facts.cgroup_mode == CgroupMode::none) return;
    if (facts.cgroup_mode == CgroupMode::v2) {
        add_mount(builder, "cgroup2", "cgroup", destination, "", attributes);
        return;
    }
    add_mount(builder, "tmpfs", "cgroup", destination, "mode=755,size=64k",
              attributes & ~kAttrRdonly);
    std::vector<std::string> seen;
    for (const auto& [controller, mount] : facts.cgroup_mounts) {
        bool first = true;
        for (const auto& other : seen) first = first && other != mount;
        if (!first) continue;
        seen.push_back(mount);
        std::string name = mount.substr(mount.rfind('/') + 1);
        std::string data = controller.starts_with("name=") ? "none," + controller : name;
        add_mount(builder, "cgroup", "cgroup", destination + "/" + name, data, attributes);
    }
    if ((attributes & kAttrRdonly) != 0) {
        std::uint32_t s2 = builder.text(destination);
        shim::Op& op = builder.add(OpKind::readonly_path, "make " + destination + " read-only");
        op.s2 = s2;
        op.a = 1;
    }
}

// Files of /proc that a container may be shown others for, as lxcfs does: what they tell is no
// boundary.
bool is_replaceable(std::string_view destination) {
    constexpr std::array kFiles{"/proc/cpuinfo", "/proc/diskstats",
                                "/proc/loadavg", "/proc/meminfo",
                                "/proc/net/dev", "/proc/slabinfo",
                                "/proc/stat",    "/proc/swaps",
                                "/proc/uptime",  "/proc/sys/kernel/ns_last_pid"};
    return std::ranges::find(kFiles, destination) != kFiles.end();
}

void add_bind(Builder& builder, const oci::Mount& mount, const std::string& destination,
              const ParsedOptions& options, const Given& given, std::size_t index, bool mapped) {
    Plan& plan = builder.plan();
    std::uint32_t s2 = builder.text(destination);
    shim::Op& op =
        builder.add(OpKind::attach_mount, "mount " + mount.source + " on " + destination);
    op.fd = static_cast<std::int32_t>(index);
    op.s2 = s2;
    op.b = is_replaceable(destination) ? 1 : 0;
    // In a user namespace it is not the parent's rights that it could be copied with.
    if (given.hand_over && options.propagation != 0 && !mapped) op.c = 2;
    Plan::Bind& bind = plan.binds[index];
    bind = {mount.source, options.recursive_attributes, options.recursive, plan.child.size() - 1,
            options.propagation != 0};
    // A volume of the engine's is read-only as a whole; of a bundle `rro` says so.
    (given.hand_over ? bind.attr_top : bind.attr_set) |= options.attributes;
    bind.attr_clear = options.cleared & ~bind.attr_set;
    bind.ids = options.ids;
    bind.uid_mappings = options.uid_mappings;
    bind.gid_mappings = options.gid_mappings;
    if (options.propagation == 0) return;
    // Of the mount once it is attached: before, it has nobody to share with.
    shim::Op& set = builder.add(OpKind::propagation, "set the propagation of " + destination);
    set.fd = static_cast<std::int32_t>(index);
    set.a = options.propagation;
}

// By the container's own process, at its turn: the source may lie in what was mounted before, and
// the kernel lists mounts in the order of their making.
void add_late_bind(Builder& builder, const std::string& source, const std::string& destination,
                   const ParsedOptions& options) {
    std::uint32_t s1 = builder.text(source), s2 = builder.text(destination);
    shim::Op& open = builder.add(OpKind::open_bind, "open the mount at " + source);
    open.s1 = s1;
    open.a = options.attributes;
    open.b = options.recursive_attributes;
    open.c = (options.recursive ? shim::kBindRecursive : 0) |
             (options.propagation != 0 ? shim::kBindKeepsPeers : 0) |
             (options.cleared & ~options.recursive_attributes) << shim::kBindClearedShift;
    shim::Op& attach = builder.add(OpKind::attach_mount, "mount " + source + " on " + destination);
    attach.s2 = s2;
    attach.b = is_replaceable(destination) ? 1 : 0;
    if (options.propagation == 0) return;
    shim::Op& set = builder.add(OpKind::propagation, "set the propagation of " + destination);
    set.b = 1;
    set.a = options.propagation;
}

// Not where it takes what the container's process does not have: the host's rights to the source,
// or to give its files other owners, or peers among the host's mounts.
bool is_opened_late(const oci::RuntimeSpec& spec, const ParsedOptions& options,
                    const Given& given) {
    constexpr std::uint64_t kShared = std::uint64_t{1} << 20;  // MS_SHARED
    return given.hand_over && !has_user_namespace(spec) && options.ids == Plan::Bind::Ids::kept &&
           (options.propagation & kShared) == 0;
}

Result<> check_proc(const oci::RuntimeSpec& spec, const HostFacts& facts, const oci::Mount& mount,
                    const std::string& destination) {
    if (!is_in(destination, "/proc")) return {};
    if (destination == "/proc" && (mount.type == "proc" || shows_hosts_proc(spec, facts, mount)))
        return {};
    if (is_replaceable(destination)) return {};
    return fail(Code::invalid_argument, "mounts: " + destination +
                                            " may not be covered: the kernel's own view of the "
                                            "container's processes belongs there");
}

}  // namespace

Result<std::size_t> count_binds(const oci::RuntimeSpec& spec, const HostFacts& facts,
                                const Given& given) {
    std::size_t count = has_user_namespace(spec) || facts.user_namespace
                            ? count_bound_nodes(spec, facts, given)
                            : 0;
    for (const auto& mount : spec.mounts) {
        ParsedOptions options = TRY(parse_options(mount));
        count += options.bind && !is_opened_late(spec, options, given) ? 1 : 0;
    }
    return count;
}

Result<> plan_mounts(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts,
                     const Given& given) {
    for (const auto& mount : spec.mounts) {
        std::string destination = without_trailing_slashes(mount.destination);
        if (!destination.starts_with("/"))
            return fail(Code::invalid_argument,
                        "mounts: destination '" + mount.destination + "' is not an absolute path");
        if (destination == "/")
            return fail(Code::invalid_argument, "mounts: the destination may not be /");
        TRY(check_proc(spec, facts, mount, destination));
        ParsedOptions options = TRY(parse_options(mount));
        TRY(check_mapped_mount(mount, options, has_user_namespace(spec)));
        if (options.bind) {
            if (!mount.source.starts_with("/"))
                return fail(Code::invalid_argument,
                            "mounts: source '" + mount.source + "' is not an absolute path");
            if (is_opened_late(spec, options, given))
                add_late_bind(builder, mount.source, destination, options);
            else
                add_bind(builder, mount, destination, options, given, builder.next_bind(),
                         has_user_namespace(spec));
        } else if (mount.type == "cgroup") {
            add_cgroup_mounts(builder, destination,
                              options.attributes | options.recursive_attributes, facts);
        } else {
            std::uint64_t attributes = options.attributes | options.recursive_attributes;
            // What is made in it comes first.
            if (destination == "/dev") attributes &= ~kAttrRdonly;
            add_mount(builder, mount.type, mount.source, destination, join(options.data, ","),
                      attributes);
        }
    }
    return {};
}

}  // namespace crank::runtime
