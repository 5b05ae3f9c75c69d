// The container's file system: layers, mounts, devices, masks.
#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/mount_options.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

// mount_setattr(2) and mount(2) constants; a plan sees no system header.
constexpr std::uint64_t kAttrRdonly = 0x1, kAttrNosuid = 0x2, kAttrNoexec = 0x8;
constexpr std::uint64_t kMsRdonly = 1, kMsNodev = 4;

// Numbers as in linux/kdev_t.h's user-space encoding for majors and minors below 256.
std::uint64_t device_number(std::int64_t major, std::int64_t minor) {
    auto ma = static_cast<std::uint64_t>(major), mi = static_cast<std::uint64_t>(minor);
    return ((ma & 0xfffff000) << 32) | ((ma & 0xfff) << 8) | ((mi & 0xffffff00) << 12) |
           (mi & 0xff);
}

void add_node(Builder& builder, const oci::Device& device) {
    std::uint32_t s2 = builder.text(without_trailing_slashes(device.path));
    shim::Op& op = builder.add(OpKind::make_node, "make device " + device.path);
    std::uint64_t type = device.type == "b" ? 0060000 : device.type == "p" ? 0010000 : 0020000;
    op.a = type | device.file_mode;
    op.b = device_number(device.major, device.minor);
    op.c = std::uint64_t{device.gid} << 32 | device.uid;
    op.s2 = s2;
}

// A user namespace cannot make a device: it is shown the host's, once the parent has seen that it
// is the one meant.
void bind_node(Builder& builder, const oci::Device& device) {
    constexpr std::uint64_t kMap = kAttrNosuid | kAttrNoexec;
    std::size_t index = builder.next_bind();
    std::uint32_t s2 = builder.text(without_trailing_slashes(device.path));
    shim::Op& op = builder.add(OpKind::attach_mount, "mount the host's device " + device.path);
    op.fd = static_cast<std::int32_t>(index);
    op.s2 = s2;
    op.c = 1;
    Plan::Bind& bind = builder.plan().binds[index];
    bind.source = device.path;
    bind.attr_set = kMap;
    bind.recursive = false;
    bind.step = builder.plan().child.size() - 1;
    bind.device = device_number(device.major, device.minor);
    bind.is_block = device.type == "b";
}

bool is_bound(const oci::RuntimeSpec& spec, const HostFacts& facts, const oci::Device& device) {
    return (has_user_namespace(spec) || facts.user_namespace) && device.type != "p";
}

std::vector<oci::Device> all_devices(const oci::RuntimeSpec& spec) {
    struct Node {
        const char* path;
        int major, minor;
    };
    constexpr std::array<Node, 6> kNodes{{{"/dev/null", 1, 3},
                                          {"/dev/zero", 1, 5},
                                          {"/dev/full", 1, 7},
                                          {"/dev/random", 1, 8},
                                          {"/dev/urandom", 1, 9},
                                          {"/dev/tty", 5, 0}}};
    std::vector<oci::Device> devices;
    for (const auto& node : kNodes)
        devices.push_back({node.path, "c", node.major, node.minor, 0666, 0, 0});
    devices.insert(devices.end(), spec.linux.devices.begin(), spec.linux.devices.end());
    return devices;
}

// runtime-spec config-linux.md, "Default Devices", and the links of runtime-linux.md.
void add_devices(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    for (const auto& device : all_devices(spec))
        is_bound(spec, facts, device) ? bind_node(builder, device) : add_node(builder, device);
    constexpr std::array<std::pair<const char*, const char*>, 5> kLinks{
        {{"/proc/self/fd", "/dev/fd"},
         {"/proc/self/fd/0", "/dev/stdin"},
         {"/proc/self/fd/1", "/dev/stdout"},
         {"/proc/self/fd/2", "/dev/stderr"},
         {"pts/ptmx", "/dev/ptmx"}}};
    for (const auto& [target, path] : kLinks) {
        std::uint32_t s1 = builder.text(target), s2 = builder.text(path);
        shim::Op& op = builder.add(OpKind::make_link, std::string("link ") + path);
        op.s1 = s1;
        op.s2 = s2;
    }
}

// A bundle's root without a mount on /dev gets its devices all the same; a /dev of the host's does
// not.
bool has_own_dev(const oci::RuntimeSpec& spec, const Given& given) {
    bool own = given.hand_over;
    for (const auto& mount : spec.mounts)
        if (without_trailing_slashes(mount.destination) == "/dev") own = mount.type == "tmpfs";
    return own;
}

// A read-only tmpfs on /dev, now that it has its devices.
Result<> close_dev(Builder& builder, const oci::RuntimeSpec& spec) {
    for (const auto& mount : spec.mounts) {
        if (without_trailing_slashes(mount.destination) != "/dev" || mount.type == "bind") continue;
        ParsedOptions options = TRY(parse_options(mount));
        if (options.bind ||
            ((options.attributes | options.recursive_attributes) & kAttrRdonly) == 0)
            continue;
        std::uint32_t s2 = builder.text("/dev");
        shim::Op& op = builder.add(OpKind::readonly_path, "make /dev read-only");
        op.s2 = s2;
        op.a = 1;
    }
    return {};
}

Result<> add_root_propagation(Builder& builder, const oci::RuntimeSpec& spec) {
    const std::string& name = spec.linux.rootfs_propagation;
    if (name.empty()) return {};
    auto flag = propagation_of(name);
    if (!flag)
        return fail(Code::invalid_argument,
                    "linux.rootfsPropagation: unknown value '" + name + "'");
    builder.add(OpKind::propagation, "set the propagation of the root").a = *flag;
    return {};
}

// Behind whatever makes a mount stricter, and before the terminal is opened, whose path is looked
// up where it was opened. The copy is a slave where the original was shared.
Result<> lock_mounts(Builder& builder, const oci::RuntimeSpec& spec) {
    constexpr std::uint64_t kShared = std::uint64_t{1} << 20;  // MS_SHARED
    shim::Op& op = builder.add(OpKind::lock_mounts, "lock the mounts");
    for (std::size_t i = 0; i < builder.plan().joined.size(); ++i)
        if (builder.plan().joined[i].type == "user") op.fd = builder.plan().joined_slot(i);
    for (const auto& mount : spec.mounts) {
        ParsedOptions options = TRY(parse_options(mount));
        if ((options.propagation & kShared) == 0) continue;
        std::string destination = without_trailing_slashes(mount.destination);
        std::uint32_t s2 = builder.text(destination);
        shim::Op& share = builder.add(OpKind::propagation, "share " + destination + " again");
        share.s2 = s2;
        share.a = options.propagation;
    }
    return {};
}

// Options are spelled out, so that a kernel built with other defaults makes the same layers.
std::string overlay_options(const Rootfs& rootfs, const HostFacts& facts) {
    std::string options = "lowerdir=" + join(rootfs.lower, ":");
    if (!rootfs.upper.empty()) {
        options += ",upperdir=" + rootfs.upper + ",workdir=" + rootfs.work;
        if (rootfs.throw_away) options += ",volatile";
    }
    // Attributes of trusted.* take the machine's own root (Linux 5.11), and with those of users'
    // "off" is refused where the kernel follows redirections by default.
    options += facts.user_namespace ? ",userxattr,redirect_dir=nofollow" : ",redirect_dir=off";
    return options + ",index=off,metacopy=off,xino=off";
}

constexpr std::size_t kMaxMountOptions = 4096 - 1;  // mount(2): a page with its end

// The mapped ids may not reach it by its path.
void attach_root(Builder& builder, const oci::RuntimeSpec& spec) {
    std::size_t index = builder.next_bind();
    builder.add(OpKind::attach_root, "mount the root " + spec.root_path).fd =
        static_cast<std::int32_t>(index);
    Plan::Bind& bind = builder.plan().binds[index];
    bind.source = spec.root_path;
    bind.step = builder.plan().child.size() - 1;
    bind.is_root = true;
}

// overlayfs belongs to whose namespace mounts it: trusted.* attributes, by which layers say what is
// deleted, count with the host's rights alone.
void attach_layers(Builder& builder, const Rootfs& rootfs, Plan::Bind::Layers layers) {
    std::size_t index = builder.next_bind();
    builder
        .add(OpKind::attach_root,
             "mount " + std::to_string(rootfs.lower.size()) + " id-mapped layers as the root")
        .fd = static_cast<std::int32_t>(index);
    Plan::Bind& bind = builder.plan().binds[index];
    bind.source = rootfs.base;
    bind.step = builder.plan().child.size() - 1;
    bind.is_root = true;
    bind.layers = std::move(layers);
}

}  // namespace

Result<> mount_layers(Builder& builder, const oci::RuntimeSpec& spec, const Rootfs& rootfs,
                      const Options& options, const HostFacts& facts, const Given& given) {
    if (rootfs.lower.empty() && rootfs.upper.empty()) {
        if (spec.root_path.empty())
            return fail(Code::invalid_argument, "root.path is empty and no layers were given");
        if (has_user_namespace(spec)) {
            attach_root(builder, spec);
            return {};
        }
        std::uint32_t s1 = builder.text(spec.root_path);
        // pivot_root wants a mount.
        if (given.hand_over)
            builder.add(OpKind::bind_root, "mount the root " + spec.root_path).s1 = s1;
        builder.add(OpKind::open_root, "open the root " + spec.root_path).s1 = s1;
        return {};
    }
    Rootfs stack = rootfs;
    if (stack.upper.empty() && stack.lower.size() == 1) {
        // An overlay without an upper directory needs two lower ones (overlayfs.rst).
        stack.lower.push_back(stack.lower.front());
    }
    std::string data = overlay_options(stack, facts);
    std::uint64_t flags = stack.upper.empty() ? kMsRdonly : 0;
    bool mapped = has_user_namespace(spec);
    // An image's device files are nobody's business where ids are mapped.
    if (mapped || !controls_devices(facts, spec.linux.cgroups_path)) flags |= kMsNodev;
    if (data.size() > kMaxMountOptions)
        return fail(Code::exhausted, "the image has too many layers to mount: " +
                                         std::to_string(rootfs.lower.size()));
    if (mapped) {
        attach_layers(builder, rootfs, {data, options.mount_point, flags});
        return {};
    }
    std::uint32_t s1 = builder.text(rootfs.base), s2 = builder.text(data),
                  s3 = builder.text(options.mount_point);
    shim::Op& op =
        builder.add(OpKind::mount_overlay,
                    "mount " + std::to_string(rootfs.lower.size()) + " layers as the root");
    op.s1 = s1;
    op.s2 = s2;
    op.s3 = s3;
    op.a = flags;
    builder.add(OpKind::open_root, "open the root").s1 = s3;
    return {};
}

namespace {

// Where there is no mount namespace to mount it in.
void copy_root(Builder& builder, const oci::RuntimeSpec& spec) {
    builder
        .add(OpKind::copy_root, "copy the mounts of the root " + spec.root_path +
                                    ", for a container without a mount namespace (Linux 6.15)")
        .s1 = builder.text(spec.root_path);
}

}  // namespace

std::size_t count_bound_nodes(const oci::RuntimeSpec& spec, const HostFacts& facts,
                              const Given& given) {
    std::size_t count = has_user_namespace(spec) ? 1 : 0;
    if (!has_own_dev(spec, given)) return count;
    for (const auto& device : all_devices(spec)) count += is_bound(spec, facts, device) ? 1 : 0;
    return count;
}

Result<> plan_root(Builder& builder, const oci::RuntimeSpec& spec, const Rootfs& rootfs,
                   const Options& options, const HostFacts& facts, const Given& given) {
    auto is_mount = [](const oci::Namespace& ns) { return ns.type == "mount"; };
    bool shares = shares_mounts(spec, given);
    if (!shares && std::ranges::none_of(spec.linux.namespaces, is_mount)) {
        // No mount namespace: a native worker on the host's own root.
        if (!spec.mounts.empty() || !rootfs.lower.empty() || !rootfs.upper.empty())
            return fail(Code::invalid_argument, "mounts need a mount namespace");
        return {};
    }
    bool locks = has_user_namespace(spec);
    if (shares) {
        copy_root(builder, spec);
    } else {
        builder.add(OpKind::isolate_mounts, "detach the mounts from the host's").a = locks ? 1 : 0;
        TRY(mount_layers(builder, spec, rootfs, options, facts, given));
    }
    TRY(plan_mounts(builder, spec, facts, given));
    if (has_own_dev(spec, given)) add_devices(builder, spec, facts);
    for (const auto& link : spec.linux.links) {
        std::uint32_t s1 = builder.text(link.target), s2 = builder.text(link.path);
        shim::Op& op = builder.add(OpKind::make_link, "link " + link.path + " to " + link.target);
        op.s1 = s1;
        op.s2 = s2;
    }
    TRY(close_dev(builder, spec));
    for (const auto& path : spec.linux.readonly_paths)
        builder.add(OpKind::readonly_path, "make " + path + " read-only").s2 = builder.text(path);
    std::vector<std::string> masked;
    for (const auto& path : spec.linux.masked_paths)
        if (std::ranges::find(masked, path) == masked.end()) masked.push_back(path);
    for (const auto& path : masked)
        builder.add(OpKind::mask_path, "mask " + path).s2 = builder.text(path);
    if (spec.process.cwd != "/") {
        std::string cwd = without_trailing_slashes(spec.process.cwd);
        shim::Op& op = builder.add(OpKind::make_dir, "make the working directory " + cwd);
        op.s2 = builder.text(cwd);
        op.a = 0755;
    }
    if (given.wait_for_hooks)
        builder.add(OpKind::sync, "wait for the hooks").fd = builder.plan().gate_slot();
    builder.add(shares ? OpKind::enter_copy : OpKind::pivot_root, "make it the root");
    if (spec.root_readonly) builder.add(OpKind::root_readonly, "make the root read-only");
    if (locks) TRY(lock_mounts(builder, spec));
    // The engine's roots have no mount that anything could come from.
    if (given.hand_over && !shares) TRY(add_root_propagation(builder, spec));
    return {};
}

}  // namespace crank::runtime
