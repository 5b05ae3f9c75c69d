// A device's edits become part of a container's configuration.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "oci/cdi.h"

namespace crank::oci::cdi {
namespace {

bool is_bind(const Mount& mount) {
    auto has = [&](std::string_view word) {
        return std::ranges::find(mount.options, word) != mount.options.end();
    };
    return mount.type.empty() || mount.type == "bind" || has("bind") || has("rbind");
}

void add_node(const DeviceNode& node, RuntimeSpec& spec) {
    const User& user = spec.process.user;
    oci::Device device{.path = node.path,
                       .type = node.type == "u" ? "c" : node.type,
                       .major = node.major.value_or(0),
                       .minor = node.minor.value_or(0),
                       .file_mode = node.file_mode.value_or(0666) & 07777,
                       .uid = node.uid.value_or(user.uid),
                       .gid = node.gid.value_or(user.gid)};
    std::erase_if(spec.linux.devices,
                  [&](const oci::Device& other) { return other.path == device.path; });
    if (device.type != "p" && node.permissions != "none")
        spec.linux.resources.devices.push_back(
            {true, device.type, device.major, device.minor,
             node.permissions.empty() ? "rwm" : node.permissions});
    spec.linux.devices.push_back(std::move(device));
}

void add_mount(const Mount& mount, RuntimeSpec& spec) {
    oci::Mount made{mount.container_path, mount.type, mount.host_path, mount.options, {}, {}};
    if (is_bind(mount)) {
        made.type = "bind";
        auto has = [&](std::string_view word) {
            return std::ranges::find(made.options, word) != made.options.end();
        };
        if (!has("bind") && !has("rbind")) made.options.emplace_back("rbind");
    }
    std::erase_if(spec.mounts,
                  [&](const oci::Mount& other) { return other.destination == made.destination; });
    spec.mounts.push_back(std::move(made));
}

// What lies deeper comes later, whoever asked for it; otherwise as given.
void sort_mounts(std::vector<oci::Mount>& mounts) {
    std::multimap<std::ptrdiff_t, oci::Mount> by_depth;
    for (oci::Mount& mount : mounts) {
        auto depth = std::ranges::count(mount.destination, '/');
        by_depth.emplace(depth, std::move(mount));
    }
    mounts.clear();
    for (auto& [depth, mount] : by_depth) mounts.push_back(std::move(mount));
}

std::vector<oci::Hook>& list_of(Hooks& hooks, HookPoint point) {
    switch (point) {
        case HookPoint::prestart: return hooks.prestart;
        case HookPoint::create_runtime: return hooks.create_runtime;
        case HookPoint::create_container: return hooks.create_container;
        case HookPoint::start_container: return hooks.start_container;
        case HookPoint::poststart: return hooks.poststart;
        case HookPoint::poststop: return hooks.poststop;
    }
    return hooks.prestart;
}

void set_env(const std::string& entry, std::vector<std::string>& env) {
    std::string prefix = entry.substr(0, entry.find('=') + 1);
    for (std::string& other : env)
        if (other.starts_with(prefix)) {
            other = entry;
            return;
        }
    env.push_back(entry);
}

Result<> refuse_unsupported(const Edits& edits) {
    if (!edits.net_devices.empty())
        return fail(Code::unsupported,
                    "containerEdits.netDevices: crank does not move interfaces of the host (" +
                        edits.net_devices.front().host_name + ") into containers");
    if (edits.intel_rdt)
        return fail(Code::unsupported,
                    "containerEdits.intelRdt: crank does not set Intel RDT's classes (resctrl)");
    return {};
}

// The name of the program and of what it is asked for: "nvidia-cdi-hook", or "nvidia-ctk hook".
std::optional<std::size_t> known_command(const oci::Hook& hook) {
    std::string program = hook.path.substr(hook.path.rfind('/') + 1);
    if (program == "nvidia-cdi-hook" && hook.args.size() >= 2) return 1;
    if (program == "nvidia-ctk" && hook.args.size() >= 3 && hook.args[1] == "hook") return 2;
    return std::nullopt;
}

// "--name VALUE" and "--name=VALUE"; nothing: there is another flag among them.
std::optional<std::vector<std::string>> values_of(const oci::Hook& hook, std::size_t first,
                                                  std::string_view name) {
    std::vector<std::string> values;
    for (std::size_t i = first; i < hook.args.size(); ++i) {
        const std::string& word = hook.args[i];
        if (word == name && i + 1 < hook.args.size())
            values.push_back(hook.args[++i]);
        else if (word.starts_with(std::string(name) + "="))
            values.push_back(word.substr(name.size() + 1));
        else
            return std::nullopt;
    }
    return values;
}

bool take_links(const std::vector<std::string>& values, Edits& edits) {
    std::vector<oci::Link> links;
    for (const std::string& value : values) {
        std::size_t colons = value.find("::");
        if (colons == std::string::npos || colons == 0) return false;
        oci::Link link{value.substr(0, colons), value.substr(colons + 2)};
        if (!link.path.starts_with('/')) return false;
        links.push_back(std::move(link));
    }
    edits.links.insert(edits.links.end(), links.begin(), links.end());
    return true;
}

bool take_hook(const Hook& hook, Edits& edits) {
    auto at = known_command(hook.hook);
    if (hook.point != HookPoint::create_container || !at) return false;
    const std::string& what = hook.hook.args[*at];
    if (what == "create-symlinks") {
        auto values = values_of(hook.hook, *at + 1, "--link");
        return values && take_links(*values, edits);
    }
    if (what == "update-ldcache") {
        auto dirs = values_of(hook.hook, *at + 1, "--folder");
        if (!dirs || std::ranges::any_of(
                         *dirs, [](const std::string& dir) { return !dir.starts_with('/'); }))
            return false;
        edits.library_dirs.insert(edits.library_dirs.end(), dirs->begin(), dirs->end());
        return true;
    }
    // Left out (docs/reference/gpu.md): what a container may use its device rules say, whatever
    // nodes a library makes; the others change the image's own files, and nothing depends on them.
    return what == "disable-device-node-modification" || what == "enable-cuda-compat" ||
           what == "chmod" || what == "update-application-profile";
}

}  // namespace

void take_known_hooks(Edits& edits) {
    std::vector<Hook> left;
    for (Hook& hook : edits.hooks)
        if (!take_hook(hook, edits)) left.push_back(std::move(hook));
    edits.hooks = std::move(left);
}

Result<> apply(const Edits& edits, RuntimeSpec& spec) {
    TRY(refuse_unsupported(edits));
    for (const auto& entry : edits.env) set_env(entry, spec.process.env);
    spec.linux.device_rules_complete = true;
    for (const auto& node : edits.device_nodes) add_node(node, spec);
    for (const auto& mount : edits.mounts) add_mount(mount, spec);
    if (!edits.mounts.empty()) sort_mounts(spec.mounts);
    for (const auto& hook : edits.hooks) list_of(spec.hooks, hook.point).push_back(hook.hook);
    for (std::uint32_t gid : edits.additional_gids) {
        auto& gids = spec.process.user.additional_gids;
        if (gid != 0 && std::ranges::find(gids, gid) == gids.end()) gids.push_back(gid);
    }
    spec.linux.links.insert(spec.linux.links.end(), edits.links.begin(), edits.links.end());
    return {};
}

}  // namespace crank::oci::cdi
