// CDI files, JSON and YAML, names of devices, and what a file makes of a container's configuration.
// The input is the name of a device in its first line, then one file or two, separated by a form
// feed. Reached are parse() with both readers, for errors too, the registry of one and of two
// files, and for each device the edits, the hooks that crank does itself, apply() and what
// serialize() then writes; not the directories (engine/cdi), and not what a node of the host says.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "oci/cdi.h"

using namespace crank;
using namespace crank::oci;
using crank::fuzz::require;

namespace {

bool is_path(std::string_view path) {
    return path.starts_with('/') &&
           ("/" + std::string(path) + "/").find("/../") == std::string::npos;
}

void check_edits(const cdi::Edits& edits) {
    for (const auto& entry : edits.env)
        require(entry.find('=') != 0 && entry.find('=') != entry.npos);
    for (const auto& node : edits.device_nodes) {
        require(node.path.starts_with("/dev/") && is_path(node.path) && is_path(node.on_host()));
        require(node.major.value_or(0) >= 0 && node.minor.value_or(0) >= 0);
    }
    for (const auto& mount : edits.mounts)
        require(is_path(mount.container_path) && mount.container_path != "/");
    for (const auto& hook : edits.hooks) {
        require(hook.hook.path.starts_with('/'));
        require(!hook.hook.timeout || *hook.hook.timeout > 0);
    }
    for (std::uint32_t gid : edits.additional_gids) require(gid != 0);
}

// What is accepted can be found by its name, and twice the same is a conflict.
void check_spec(const cdi::Spec& spec, const cdi::Registry& registry) {
    require(!spec.devices.empty());
    check_edits(spec.edits);
    cdi::Registry both = registry;
    both.add(spec);
    for (const auto& device : spec.devices) {
        require(!device.edits.empty());
        check_edits(device.edits);
        cdi::Name name{spec.kind, device.name};
        auto parsed = cdi::parse_name(name.text());
        require(parsed && parsed->kind == name.kind && parsed->device == name.device);
        auto found = registry.find(name);
        require(found && found->device->name == device.name);
        require(!both.find(name));
    }
}

void check_applied(const cdi::Registry& registry, const cdi::Name& name) {
    auto edits = registry.edits_of({name});
    if (!edits) return;
    std::size_t hooks = edits->hooks.size();
    cdi::take_known_hooks(*edits);
    require(edits->hooks.size() <= hooks);
    for (const auto& dir : edits->library_dirs) require(dir.starts_with('/'));
    for (const auto& link : edits->links) require(link.path.starts_with('/'));
    RuntimeSpec spec;
    spec.process.env = {"PATH=/bin"};
    spec.mounts = {{"/proc", "proc", "proc", {}, {}, {}}};
    if (!cdi::apply(*edits, spec)) return;
    require(spec.process.env.size() <= edits->env.size() + 1);
    require(spec.linux.device_rules_complete);
    for (const auto& rule : spec.linux.resources.devices)
        require(rule.allow && rule.major && rule.minor && !rule.access.empty());
    // A second time nothing becomes more, but rules.
    std::size_t mounts = spec.mounts.size(), devices = spec.linux.devices.size();
    require(cdi::apply(*edits, spec).has_value());
    require(spec.mounts.size() == mounts && spec.linux.devices.size() == devices);
    // And it is a configuration that a runtime reads.
    (void)serialize(spec);
}

// Each error names the file and says what to do.
void check_error(const Error& error, std::string_view path) {
    require(error.text().find(path) != std::string::npos);
    require(!error.hint().empty());
}

void check_file(std::string_view text, const char* path, int priority, cdi::Registry* registry) {
    auto spec = cdi::parse(text, path);
    if (!spec) return check_error(spec.error(), path);
    cdi::Registry alone;
    alone.add(*spec);
    check_spec(*spec, alone);
    for (const auto& device : spec->devices) check_applied(alone, {spec->kind, device.name});
    if (registry == nullptr) return;
    spec->priority = priority;
    registry->add(*std::move(spec));
}

// With a brace in front it is read as JSON whatever its name is: not twice.
bool begins_with_brace(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    std::string_view typed = input.until('\n');
    cdi::Registry registry;
    for (int priority = 0; priority < 2 && !input.empty(); ++priority) {
        const std::string_view text = input.until('\f');
        if (!begins_with_brace(text)) check_file(text, "/etc/cdi/a.json", priority, nullptr);
        check_file(text, "/etc/cdi/a.yaml", priority, &registry);
    }
    if (auto name = cdi::parse_name(typed)) check_applied(registry, *name);
    return 0;
}
