// Finding devices among the files, and what is done with them.
#include "oci/cdi.h"

#include <algorithm>

#include "base/text.h"
#include "oci/cdi_check.h"

namespace crank::oci::cdi {
namespace {

template <class T>
void append_to(std::vector<T>& all, const std::vector<T>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

std::string list(const std::vector<std::string>& words) {
    constexpr std::size_t kShown = 12;
    std::string text;
    for (std::size_t i = 0; i < words.size() && i < kShown; ++i)
        text += (i == 0 ? "" : ", ") + words[i];
    if (words.size() > kShown) text += ", ... (" + std::to_string(words.size()) + ")";
    return text;
}

}  // namespace

bool Edits::empty() const {
    return env.empty() && device_nodes.empty() && mounts.empty() && hooks.empty() &&
           additional_gids.empty() && !intel_rdt && net_devices.empty() && library_dirs.empty() &&
           links.empty();
}

void Edits::append(const Edits& more) {
    append_to(env, more.env);
    append_to(device_nodes, more.device_nodes);
    append_to(mounts, more.mounts);
    append_to(hooks, more.hooks);
    append_to(additional_gids, more.additional_gids);
    append_to(net_devices, more.net_devices);
    append_to(library_dirs, more.library_dirs);
    append_to(links, more.links);
    if (more.intel_rdt) intel_rdt = more.intel_rdt;
}

std::optional<Name> parse_name(std::string_view text) {
    std::size_t equals = text.find('=');
    std::size_t slash = text.substr(0, equals).find('/');
    if (equals == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
    if (!is_vendor_or_class(text.substr(0, slash)) ||
        !is_vendor_or_class(text.substr(slash + 1, equals - slash - 1)) ||
        !is_device_name(text.substr(equals + 1)))
        return std::nullopt;
    return Name{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<Name> require_name(std::string_view text) {
    if (auto name = parse_name(text)) return *name;
    return fail(
        Error(Code::invalid_argument, "\"" + std::string(text) + "\" is no name of a device")
            .with_hint("vendor.com/class=name, like nvidia.com/gpu=0, or a path like "
                       "/dev/fuse"));
}

std::vector<std::string> Registry::devices_of(std::string_view kind) const {
    std::vector<std::string> names;
    for (const Spec& spec : specs_)
        if (spec.kind == kind)
            for (const Device& device : spec.devices)
                if (std::ranges::find(names, device.name) == names.end())
                    names.push_back(device.name);
    return names;
}

namespace {

Error unknown_device(const Registry& registry, const Name& name) {
    std::vector<std::string> others = registry.devices_of(name.kind);
    std::string what = "no device " + name.text() + ": ";
    if (!others.empty()) {
        what += name.kind + " has " + list(others);
    } else {
        std::vector<std::string> kinds;
        for (const Spec& spec : registry.specs())
            if (std::ranges::find(kinds, spec.kind) == kinds.end()) kinds.push_back(spec.kind);
        what += kinds.empty() ? "no CDI file of this host defines devices"
                              : "the CDI files of this host define " + list(kinds);
    }
    for (const Broken& broken : registry.broken()) what += "; not read: " + broken.why;
    return Error(Code::not_found, what)
        .with_hint("crank doctor gpu says what was found and where was looked");
}

}  // namespace

Result<Found> Registry::find(const Name& name) const {
    Found found;
    const Spec* conflict = nullptr;
    for (const Spec& spec : specs_) {
        if (spec.kind != name.kind) continue;
        for (const Device& device : spec.devices) {
            if (device.name != name.device) continue;
            if (found.spec == nullptr || spec.priority > found.spec->priority) {
                found = {&spec, &device};
                conflict = nullptr;
            } else if (spec.priority == found.spec->priority) {
                conflict = &spec;
            }
        }
    }
    if (found.device == nullptr) return fail(unknown_device(*this, name));
    if (conflict != nullptr)
        return fail(
            Error(Code::failed_precondition, "device " + name.text() + " is defined twice, in " +
                                                 found.spec->path + " and in " + conflict->path)
                .with_hint("remove it from one of the files"));
    return found;
}

Result<Edits> Registry::edits_of(const std::vector<Name>& names) const {
    Edits edits;
    std::vector<const Spec*> files;
    std::vector<const Device*> devices;
    for (const Name& name : names) {
        Found found = TRY(find(name));
        if (std::ranges::find(files, found.spec) == files.end()) {
            files.push_back(found.spec);
            edits.append(found.spec->edits);
        }
        if (std::ranges::find(devices, found.device) != devices.end()) continue;
        devices.push_back(found.device);
        edits.append(found.device->edits);
    }
    return edits;
}

bool is_complete(const DeviceNode& node) {
    return !node.type.empty() && (node.type == "p" || node.major.value_or(0) != 0) &&
           node.file_mode;
}

Result<> complete(DeviceNode& node, const NodeFacts& facts) {
    // As the reference does it: a node that says its type and its numbers need not exist.
    bool says_all = !node.type.empty() && (node.type == "p" || node.major.value_or(0) != 0);
    if (!node.file_mode) node.file_mode = facts.file_mode;
    if (says_all) return {};
    std::string type = node.type == "u" ? "c" : node.type;
    if (!type.empty() && type != facts.type)
        return fail(Code::invalid_argument, "device " + node.path + ": " + node.on_host() +
                                                " is of type " + facts.type + ", not " + node.type);
    if (node.type.empty()) node.type = facts.type;
    node.major = facts.major;
    node.minor = facts.minor;
    return {};
}

}  // namespace crank::oci::cdi
