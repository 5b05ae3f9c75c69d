#include "oci/cdi_check.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace crank::oci::cdi {
namespace {

constexpr std::array<std::string_view, 10> kVersions{"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
                                                     "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"};
constexpr std::size_t kMaxAnnotations = std::size_t{256} << 10;  // bytes, of all (validate.go)
constexpr std::size_t kMaxPrefix = 253, kMaxClass = 63;

std::string_view without_v(std::string_view version) {
    if (version.starts_with('v')) version.remove_prefix(1);
    return version;
}

std::size_t index_of(std::string_view version) {
    return static_cast<std::size_t>(std::ranges::find(kVersions, without_v(version)) -
                                    kVersions.begin());
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_letter(c) || is_digit(c); }

bool is_name(std::string_view name, std::string_view also) {
    return !name.empty() && is_alnum(name.front()) && is_alnum(name.back()) &&
           std::ranges::all_of(
               name, [&](char c) { return is_alnum(c) || also.find(c) != std::string_view::npos; });
}

bool is_absolute(std::string_view path) { return path.starts_with('/'); }

bool climbs(std::string_view path) {
    for (const std::string& part : split(path, '/'))
        if (part == "..") return true;
    return false;
}

Result<> check_path(const ObjectReader& in, const char* field, const std::string& path) {
    if (path.empty()) return in.bad(field, "is empty");
    if (!is_absolute(path)) return in.bad(field, "is '" + path + "': it must be absolute");
    if (climbs(path)) return in.bad(field, "is '" + path + "': it must have no '..'");
    return {};
}

}  // namespace

bool is_vendor_or_class(std::string_view name) {
    return is_name(name, "_-.") && is_letter(name.front());
}

bool is_device_name(std::string_view name) { return is_name(name, "_-.:"); }

Result<> check_version(const ObjectReader& in, const std::string& version) {
    if (index_of(version) < kVersions.size()) return {};
    auto error = in.bad("cdiVersion",
                        "is '" + version + "': crank knows 0.3.0 to " + std::string(kNewestVersion))
                     .error();
    return fail(std::move(error).with_hint(
        "write the file for one of these versions, or use a crank that knows it"));
}

Result<> check_kind(const ObjectReader& in, const std::string& kind) {
    std::size_t slash = kind.find('/');
    std::string vendor = kind.substr(0, slash);
    std::string name = slash == std::string::npos ? "" : kind.substr(slash + 1);
    if (is_vendor_or_class(vendor) && is_vendor_or_class(name) && vendor.size() <= kMaxPrefix &&
        name.size() <= kMaxClass)
        return {};
    return in.bad("kind", "is '" + kind + "': wanted is VENDOR/CLASS, like vendor.com/gpu");
}

Result<> check_annotations(const ObjectReader& in,
                           const std::map<std::string, std::string>& annotations) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : annotations) {
        bytes += key.size() + value.size();
        std::size_t slash = key.find('/');
        std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
        std::string prefix = slash == std::string::npos ? "a" : key.substr(0, slash);
        if (!is_name(name, "_-.") || name.size() > kMaxClass || !is_name(prefix, "-.") ||
            prefix.size() > kMaxPrefix)
            return in.bad("annotations", "has the key '" + key +
                                             "': wanted is NAME or PREFIX/NAME of letters, digits, "
                                             "'-', '_' and '.'");
    }
    if (bytes > kMaxAnnotations) return in.bad("annotations", "holds more than 256 KiB");
    return {};
}

Result<> check_device_name(const ObjectReader& in, const std::string& name,
                           const std::vector<Device>& before) {
    if (!is_device_name(name))
        return in.bad("name", "is '" + name +
                                  "': wanted are letters, digits, '_', '-', '.' and ':', a letter "
                                  "or digit first and last");
    if (std::ranges::any_of(before, [&](const Device& device) { return device.name == name; }))
        return in.bad("name", "is '" + name + "', which another device of the file has");
    return {};
}

Result<> check_env(const ObjectReader& in, const std::vector<std::string>& env) {
    for (std::size_t i = 0; i < env.size(); ++i) {
        std::size_t equals = env[i].find('=');
        if (equals == std::string::npos || equals == 0)
            return in.bad("env[" + std::to_string(i) + "]", "is '" + env[i] + "', not NAME=VALUE");
    }
    return {};
}

Result<> check_node(const ObjectReader& in, const DeviceNode& node) {
    TRY(check_path(in, "path", node.path));
    if (!node.path.starts_with("/dev/"))
        return in.bad("path", "is '" + node.path + "': a device belongs below /dev");
    if (!node.host_path.empty()) TRY(check_path(in, "hostPath", node.host_path));
    if (!node.type.empty() && node.type != "b" && node.type != "c" && node.type != "u" &&
        node.type != "p")
        return in.bad("type", "is '" + node.type + "': wanted is b, c, u or p");
    if (node.permissions != "none" &&
        node.permissions.find_first_not_of("rwm") != std::string::npos)
        return in.bad("permissions",
                      "is '" + node.permissions + "': wanted are letters of rwm, or none");
    constexpr std::int64_t kMaxMajor = (1 << 12) - 1, kMaxMinor = (1 << 20) - 1;  // kdev_t.h
    if (node.major.value_or(0) < 0 || node.major.value_or(0) > kMaxMajor)
        return in.bad("major", "is out of range");
    if (node.minor.value_or(0) < 0 || node.minor.value_or(0) > kMaxMinor)
        return in.bad("minor", "is out of range");
    if (node.file_mode.value_or(0) > 07777) return in.bad("fileMode", "is out of range");
    return {};
}

Result<> check_mount(const ObjectReader& in, const Mount& mount) {
    if (mount.host_path.empty()) return in.bad("hostPath", "is empty");
    TRY(check_path(in, "containerPath", mount.container_path));
    if (mount.container_path.find_first_not_of("/.") == std::string::npos)
        return in.bad("containerPath", "is '/': the root cannot be replaced");
    bool bound = mount.type.empty() || mount.type == "bind" || mount.type == "none";
    if (bound) TRY(check_path(in, "hostPath", mount.host_path));
    return {};
}

Result<> check_hook(const ObjectReader& in, const Hook& hook) {
    if (!is_absolute(hook.hook.path))
        return in.bad("path", "is '" + hook.hook.path + "': it must be absolute");
    TRY(check_env(in, hook.hook.env));
    constexpr std::int64_t kMaxTimeout = 1'000'000;  // seconds; a week and a half
    if (hook.hook.timeout && (*hook.hook.timeout <= 0 || *hook.hook.timeout > kMaxTimeout))
        return in.bad("timeout", "must be from 1 to 1000000 seconds");
    return {};
}

Result<> check_rdt(const ObjectReader& in, const IntelRdt& rdt) {
    const std::string& id = rdt.clos_id;
    if (id == "/") return {};
    if (id == "." || id == ".." || id.size() >= 256 || id.find_first_of("/\n") != std::string::npos)
        return in.bad("closID", "is '" + id + "', which is no name of a file");
    return {};
}

Result<> check_net_device(const ObjectReader& in, const NetDevice& device,
                          const std::vector<NetDevice>& before) {
    constexpr std::size_t kMaxInterface = 15;  // IFNAMSIZ
    auto is_interface = [](const std::string& name) {
        return !name.empty() && name.size() <= kMaxInterface && name != "." && name != ".." &&
               name.find_first_of("/ \t\n:") == std::string::npos;
    };
    if (!is_interface(device.host_name))
        return in.bad("hostInterfaceName", "is '" + device.host_name + "', no interface's name");
    if (!is_interface(device.name))
        return in.bad("name", "is '" + device.name + "', no interface's name");
    for (const auto& other : before) {
        if (other.host_name == device.host_name)
            return in.bad("hostInterfaceName", "is '" + device.host_name + "' a second time");
        if (other.name == device.name)
            return in.bad("name", "is '" + device.name + "' a second time");
    }
    return {};
}

namespace {

struct Use {
    std::size_t version = 0;
    std::string field;
};

void uses(Use& most, std::string_view version, const std::string& field) {
    std::size_t index = index_of(version);
    if (index > most.version) most = {index, field};
}

void look_at(Use& most, const Edits& edits, const std::string& at) {
    for (const auto& mount : edits.mounts)
        if (!mount.type.empty()) uses(most, "0.4.0", at + ".mounts[].type");
    for (const auto& node : edits.device_nodes)
        if (!node.host_path.empty()) uses(most, "0.5.0", at + ".deviceNodes[].hostPath");
    if (!edits.additional_gids.empty()) uses(most, "0.7.0", at + ".additionalGids");
    if (edits.intel_rdt) {
        uses(most, "0.7.0", at + ".intelRdt");
        if (!edits.intel_rdt->schemata.empty() || edits.intel_rdt->enable_monitoring)
            uses(most, "1.1.0", at + ".intelRdt.schemata, enableMonitoring");
    }
    if (!edits.net_devices.empty()) uses(most, "1.1.0", at + ".netDevices");
}

}  // namespace

Result<> check_minimum_version(const Spec& spec) {
    Use most{index_of("0.3.0"), "anything"};
    if (!spec.annotations.empty()) uses(most, "0.6.0", "annotations");
    if (spec.kind.substr(spec.kind.find('/')).find('.') != std::string::npos)
        uses(most, "0.6.0", "kind with a '.' in the class");
    look_at(most, spec.edits, "containerEdits");
    for (std::size_t i = 0; i < spec.devices.size(); ++i) {
        const Device& device = spec.devices[i];
        std::string at = "devices[" + std::to_string(i) + "]";
        if (is_digit(device.name.front()))
            uses(most, "0.5.0", at + ".name that begins with a digit");
        if (!device.annotations.empty()) uses(most, "0.6.0", at + ".annotations");
        look_at(most, device.edits, at + ".containerEdits");
    }
    if (index_of(spec.version) >= most.version) return {};
    std::string wanted(kVersions[most.version]);
    return fail(Error(Code::invalid_argument, "'cdiVersion' is '" + spec.version + "', and " +
                                                  most.field + " needs " + wanted)
                    .with_hint("set cdiVersion to \"" + wanted + "\""));
}

}  // namespace crank::oci::cdi
