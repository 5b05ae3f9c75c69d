#include "engine/gpu/resolve.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/gpu/drm.h"
#include "engine/gpu/libraries.h"
#include "engine/gpu/nvidia.h"
#include "engine/gpu/request.h"
#include "sys/file.h"

namespace crank::engine::gpu {
namespace {

using oci::cdi::Name;
using oci::cdi::Registry;

constexpr std::size_t kMaxCdiFile = std::size_t{1} << 20;
constexpr std::string_view kHookPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::string_view kAll = "all";
struct Vendor {
    std::string_view name, kind;
};
constexpr std::array<Vendor, 3> kVendors{
    {{"nvidia", kNvidiaKind}, {"amd", kAmdKind}, {"intel", kIntelKind}}};

// A driver's own devices, where no CDI file has any of that kind. The error says why there are
// none.
Result<> look_at_driver(std::string_view kind, const Host& host,
                        const std::vector<std::string>& capabilities, Registry& registry) {
    if (registry.has_kind(kind)) return {};
    if (kind == kNvidiaKind)
        registry.add(TRY(nvidia_spec(host, find_nvidia(host), capabilities)));
    else if (kind == kAmdKind)
        registry.add(TRY(amd_spec(host)));
    else if (kind == kIntelKind)
        registry.add(TRY(intel_spec(host)));
    return {};
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// One name for each GPU: numbers where there are some, else everything but "all".
std::vector<std::string> one_each(const Registry& registry, std::string_view kind) {
    std::vector<std::string> numbers, others;
    for (const std::string& name : registry.devices_of(kind)) {
        if (is_number(name)) numbers.push_back(name);
        if (name != kAll) others.push_back(name);
    }
    std::ranges::sort(numbers, [](const std::string& a, const std::string& b) {
        return parse_int(a).value_or(0) < parse_int(b).value_or(0);
    });
    return numbers.empty() ? others : numbers;
}

Result<std::vector<Name>> names_for(const GpuRequest& request, const std::string& typed,
                                    const Registry& registry, std::string_view kind) {
    std::vector<Name> names;
    auto add = [&](const std::string& device) { names.push_back({std::string(kind), device}); };
    for (const std::string& id : request.ids) {
        if (auto full = oci::cdi::parse_name(id))
            names.push_back(*full);
        else
            add(id);
    }
    if (!request.ids.empty()) return names;
    std::vector<std::string> each = one_each(registry, kind);
    if (request.all() && registry.find({std::string(kind), std::string(kAll)})) {
        add(std::string(kAll));
        return names;
    }
    std::size_t count = request.count.value_or(each.size());
    if (count > each.size())
        return fail(Error(Code::not_found, "--gpus " + typed + ": this host has " +
                                               std::to_string(each.size()) +
                                               (each.size() == 1 ? " GPU" : " GPUs") + " (" +
                                               std::string(kind) + ")")
                        .with_hint("crank doctor gpu lists them"));
    for (std::size_t i = 0; i < count; ++i) add(each[i]);
    return names;
}

// Which vendor's, where nobody says it: the first that has one. What stands in the way of the
// others is told only when there is none at all.
Result<std::string_view> find_vendor(const GpuRequest& request, const std::string& typed,
                                     const Host& host, Registry& registry) {
    std::string why, hint;
    for (const Vendor& vendor : kVendors) {
        if (!request.vendor.empty() && request.vendor != vendor.name) continue;
        auto found = look_at_driver(vendor.kind, host, request.capabilities, registry);
        if (found) return vendor.kind;
        // There is a driver, and something of it is missing: nobody means another vendor's then.
        if (found.error().code() != Code::unsupported || !request.vendor.empty())
            return fail(std::move(found).error().with_context("--gpus " + typed));
        why += (why.empty() ? "" : "; ") + found.error().text();
        if (hint.empty()) hint = found.error().hint();
    }
    for (const auto& broken : registry.broken()) why += "; not read: " + broken.why;
    return fail(Error(Code::unsupported,
                      "--gpus " + typed + ": this host has no GPU that crank can pass on: " + why)
                    .with_hint("crank doctor gpu says what was looked for; without a GPU leave "
                               "--gpus out, or run the worker outside a container: crank run "
                               "--native -- COMMAND"));
}

Result<std::vector<Name>> names_of_gpus(const std::string& typed, const Host& host,
                                        Registry& registry) {
    GpuRequest request = TRY(parse_gpus(typed));
    bool qualified =
        !request.ids.empty() && std::ranges::all_of(request.ids, [](const std::string& id) {
            return oci::cdi::parse_name(id).has_value();
        });
    std::string_view kind = kNvidiaKind;
    if (!qualified) kind = TRY(find_vendor(request, typed, host, registry));
    return names_for(request, typed, registry, kind);
}

Choice::Gpu gpu_of(const Name& name, const Registry& registry) {
    Choice::Gpu gpu{.name = name.text(), .nodes = {}};
    if (auto found = registry.find(name))
        for (const auto& node : found->device->edits.device_nodes) gpu.nodes.insert(node.on_host());
    if (name.device == kAll)
        for (const std::string& each : one_each(registry, name.kind))
            gpu.nodes.merge(gpu_of({name.kind, each}, registry).nodes);
    if (gpu.nodes.empty()) gpu.nodes.insert(gpu.name);
    return gpu;
}

Result<> add_path(const std::string& typed, oci::cdi::Edits& edits) {
    PathDevice device = TRY(parse_device(typed));
    auto add = [&](const std::string& host, const std::string& container) {
        auto facts = facts_of_node(host);
        if (!facts) return false;
        edits.device_nodes.push_back({.path = container,
                                      .host_path = host,
                                      .type = facts->type,
                                      .major = facts->major,
                                      .minor = facts->minor,
                                      .file_mode = facts->file_mode,
                                      .permissions = device.permissions});
        return true;
    };
    if (add(device.host, device.container)) return {};
    // A directory stands for the devices in it, as with Docker.
    bool any = false;
    if (auto names = sys::list_dir(device.host))
        for (const std::string& name : *names)
            any |= add(device.host + "/" + name, device.container + "/" + name);
    if (any) return {};
    bool there = sys::exists(device.host);
    return fail(
        Error(there ? Code::invalid_argument : Code::not_found,
              "--device " + typed + ": " + device.host +
                  (there ? " is no device node" : " does not exist on this host"))
            .with_hint(there ? "for a file or directory: -v " + device.host + ":" + device.container
                             : "ls -l /dev shows the devices of this host"));
}

Result<> add_named(const std::string& typed, const Places& places, Registry& registry,
                   std::vector<Name>& names) {
    Name name = TRY_IN(oci::cdi::require_name(typed), "--device");
    bool known = std::ranges::any_of(
        kVendors, [&](const Vendor& vendor) { return vendor.kind == name.kind; });
    if (known && !registry.has_kind(name.kind))
        TRY_IN(look_at_driver(name.kind, places.host, {}, registry), "--device " + typed);
    names.push_back(std::move(name));
    return {};
}

Result<> complete_nodes(oci::cdi::Edits& edits) {
    for (auto& node : edits.device_nodes) {
        auto facts = facts_of_node(node.on_host());
        if (facts)
            TRY(oci::cdi::complete(node, *facts));
        else if (node.type.empty() || (node.type != "p" && node.major.value_or(0) == 0))
            return fail(Error(Code::not_found,
                              "deviceNodes: " + node.on_host() + " does not exist on this host")
                            .with_hint("the driver was changed since the CDI file was written, or "
                                       "is not loaded: crank doctor gpu"));
    }
    return {};
}

Result<> check_mounts(const oci::cdi::Edits& edits) {
    for (const auto& mount : edits.mounts) {
        bool bound = mount.type.empty() || mount.type == "bind" || mount.type == "none";
        if (!bound || sys::exists(mount.host_path)) continue;
        return fail(
            Error(Code::not_found, "mounts: " + mount.host_path + " does not exist on this host")
                .with_hint(
                    "the driver was changed since the CDI file was written: write it anew "
                    "(nvidia-ctk cdi generate --output=FILE), or remove it: crank then looks "
                    "at the driver itself"));
    }
    return {};
}

// Its own and nobody else's: not the image's, whose variables could lead a program of the host's
// astray (CVE-2025-23266).
void settle_hooks(oci::cdi::Edits& edits) {
    for (auto& hook : edits.hooks)
        if (hook.hook.env.empty()) hook.hook.env.emplace_back(kHookPath);
}

std::string files_of(const Registry& registry, const std::vector<Name>& names) {
    std::string text;
    for (const Name& name : names) {
        auto found = registry.find(name);
        if (!found || found->spec->path.empty()) continue;
        if (text.find(found->spec->path) == std::string::npos)
            text += (text.empty() ? "CDI file " : ", ") + found->spec->path;
    }
    return text.empty() ? "the driver" : text;
}

}  // namespace

Registry read_cdi(const std::vector<std::string>& dirs) {
    Registry registry;
    int priority = 0;
    for (const std::string& dir : dirs) {
        auto names = sys::list_dir(dir);
        if (!names && names.error().code() != Code::not_found)
            registry.add_broken({dir, names.error().text()});
        for (const std::string& name : names ? *names : std::vector<std::string>()) {
            if (!name.ends_with(".json") && !name.ends_with(".yaml")) continue;
            std::string path = dir + "/" + name;
            auto info = sys::stat(path);
            if (info && info->is_dir()) continue;
            auto text = sys::read_file(path, kMaxCdiFile);
            auto spec = text ? oci::cdi::parse(*text, path)
                             : fail(std::move(text).error().with_context("CDI file " + path));
            if (spec) {
                spec->priority = priority;
                registry.add(std::move(*spec));
            } else {
                registry.add_broken({path, spec.error().text()});
            }
        }
        ++priority;
    }
    return registry;
}

Places places_of(const Config& config, const std::string& architecture) {
    Places places{{}, Host(config.text("gpu.driver-root"), architecture)};
    for (const std::string& dir : split(config.text("cdi.dirs"), ','))
        if (!dir.empty()) places.cdi_dirs.push_back(dir);
    return places;
}

Result<std::vector<Choice>> choices_of(const Wanted& wanted, const Places& places) {
    std::vector<Choice> choices;
    if (!wanted.any()) return choices;
    Registry registry = read_cdi(places.cdi_dirs);
    if (!wanted.gpus.empty()) {
        std::vector<Name> names = TRY(names_of_gpus(wanted.gpus, places.host, registry));
        Choice choice{.from = {}, .count = names.size()};
        const std::string kind = names.front().kind;
        if (TRY(parse_gpus(wanted.gpus)).count) {
            names.clear();
            for (const std::string& name : one_each(registry, kind)) names.push_back({kind, name});
        }
        for (const Name& name : names) choice.from.push_back(gpu_of(name, registry));
        choices.push_back(std::move(choice));
    }
    for (const std::string& typed : wanted.devices) {
        std::vector<Name> names;
        if (!typed.starts_with('/')) TRY(add_named(typed, places, registry, names));
        for (const Name& name : names) choices.push_back({{gpu_of(name, registry)}, 1});
    }
    return choices;
}

std::string request_for(const std::vector<std::string>& names) {
    std::vector<std::string> devices;
    std::string driver;
    for (const std::string& text : names) {
        auto name = oci::cdi::parse_name(text);
        if (!name) continue;
        devices.push_back(name->device);
        for (const Vendor& vendor : kVendors)
            if (vendor.kind == name->kind) driver = ",driver=" + std::string(vendor.name);
    }
    return "\"device=" + join(devices, ",") + "\"" + driver;
}

Result<Resolved> resolve(const Wanted& wanted, const Places& places) {
    Resolved resolved;
    if (!wanted.any()) return resolved;
    Registry registry = read_cdi(places.cdi_dirs);
    std::vector<Name> names;
    if (!wanted.gpus.empty()) names = TRY(names_of_gpus(wanted.gpus, places.host, registry));
    oci::cdi::Edits paths;
    for (const std::string& typed : wanted.devices) {
        if (typed.starts_with('/'))
            TRY(add_path(typed, paths));
        else
            TRY(add_named(typed, places, registry, names));
    }
    for (const Name& name : names) resolved.names.push_back(name.text());
    resolved.edits = TRY_IN(registry.edits_of(names),
                            wanted.gpus.empty() ? "--device" : "--gpus " + wanted.gpus);
    oci::cdi::take_known_hooks(resolved.edits);
    settle_hooks(resolved.edits);
    TRY_IN(complete_nodes(resolved.edits), files_of(registry, names));
    TRY_IN(check_mounts(resolved.edits), files_of(registry, names));
    resolved.libraries = entries_of(resolved.edits, places.host);
    resolved.edits.append(paths);
    return resolved;
}

}  // namespace crank::engine::gpu
