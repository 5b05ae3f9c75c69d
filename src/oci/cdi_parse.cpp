// From the text of a CDI file to its types.
#include <algorithm>
#include <array>

#include "oci/cdi.h"
#include "oci/cdi_check.h"
#include "oci/json_reader.h"
#include "oci/yaml_reader.h"

namespace crank::oci::cdi {
namespace {

constexpr Code kBad = Code::invalid_argument;

Result<> read_device_nodes(ObjectReader& edits, std::vector<DeviceNode>& out) {
    return edits.each("deviceNodes", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(edits.element(value, path));
        DeviceNode node;
        TRY(in.require("path"));
        TRY(in.read("path", node.path));
        TRY(in.read("hostPath", node.host_path));
        TRY(in.read("type", node.type));
        TRY(in.read("major", node.major));
        TRY(in.read("minor", node.minor));
        TRY(in.read("fileMode", node.file_mode));
        TRY(in.read("permissions", node.permissions));
        TRY(in.read("uid", node.uid));
        TRY(in.read("gid", node.gid));
        TRY(check_node(in, node));
        out.push_back(std::move(node));
        return in.refuse_unknown();
    });
}

Result<> read_mounts(ObjectReader& edits, std::vector<Mount>& out) {
    return edits.each("mounts", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(edits.element(value, path));
        Mount mount;
        TRY(in.require("hostPath"));
        TRY(in.read("hostPath", mount.host_path));
        TRY(in.require("containerPath"));
        TRY(in.read("containerPath", mount.container_path));
        TRY(in.read("type", mount.type));
        TRY(in.read("options", mount.options));
        TRY(check_mount(in, mount));
        out.push_back(std::move(mount));
        return in.refuse_unknown();
    });
}

Result<HookPoint> point_of(const ObjectReader& in, const std::string& name) {
    constexpr std::array<std::pair<std::string_view, HookPoint>, 6> kPoints{
        {{"prestart", HookPoint::prestart},
         {"createRuntime", HookPoint::create_runtime},
         {"createContainer", HookPoint::create_container},
         {"startContainer", HookPoint::start_container},
         {"poststart", HookPoint::poststart},
         {"poststop", HookPoint::poststop}}};
    for (const auto& [known, point] : kPoints)
        if (known == name) return point;
    return in.bad("hookName", "is '" + name +
                                  "': wanted is one of createRuntime, createContainer, "
                                  "startContainer, poststart, poststop, prestart");
}

Result<> read_hooks(ObjectReader& edits, std::vector<Hook>& out) {
    return edits.each("hooks", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(edits.element(value, path));
        Hook hook;
        std::string name;
        TRY(in.require("hookName"));
        TRY(in.read("hookName", name));
        hook.point = TRY(point_of(in, name));
        TRY(in.require("path"));
        TRY(in.read("path", hook.hook.path));
        TRY(in.read("args", hook.hook.args));
        TRY(in.read("env", hook.hook.env));
        TRY(in.read("timeout", hook.hook.timeout));
        TRY(check_hook(in, hook));
        out.push_back(std::move(hook));
        return in.refuse_unknown();
    });
}

Result<> read_gids(ObjectReader& edits, std::vector<std::uint32_t>& out) {
    return edits.each(
        "additionalGids", [&](const Json& value, const std::string& path) -> Result<> {
            if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX)
                return fail(kBad, "'" + path + "' is not a group id");
            // SPEC.md: 0 is ignored.
            if (value != 0) out.push_back(value.get<std::uint32_t>());
            return {};
        });
}

Result<> read_rdt(ObjectReader& edits, std::optional<IntelRdt>& out) {
    return edits.object("intelRdt", [&](ObjectReader& in) -> Result<> {
        IntelRdt rdt;
        TRY(in.read("closID", rdt.clos_id));
        TRY(in.read("l3CacheSchema", rdt.l3_cache_schema));
        TRY(in.read("memBwSchema", rdt.memory_bandwidth_schema));
        TRY(in.read("schemata", rdt.schemata));
        TRY(in.read("enableMonitoring", rdt.enable_monitoring));
        TRY(check_rdt(in, rdt));
        out = std::move(rdt);
        return in.refuse_unknown();
    });
}

Result<> read_net_devices(ObjectReader& edits, std::vector<NetDevice>& out) {
    return edits.each("netDevices", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(edits.element(value, path));
        NetDevice device;
        TRY(in.require("hostInterfaceName"));
        TRY(in.read("hostInterfaceName", device.host_name));
        TRY(in.require("name"));
        TRY(in.read("name", device.name));
        TRY(check_net_device(in, device, out));
        out.push_back(std::move(device));
        return in.refuse_unknown();
    });
}

Result<> read_edits(ObjectReader& parent, Edits& out) {
    return parent.object("containerEdits", [&](ObjectReader& in) -> Result<> {
        TRY(in.read("env", out.env));
        TRY(check_env(in, out.env));
        TRY(read_device_nodes(in, out.device_nodes));
        TRY(read_mounts(in, out.mounts));
        TRY(read_hooks(in, out.hooks));
        TRY(read_gids(in, out.additional_gids));
        TRY(read_rdt(in, out.intel_rdt));
        TRY(read_net_devices(in, out.net_devices));
        return in.refuse_unknown();
    });
}

Result<> read_devices(ObjectReader& file, std::vector<Device>& out) {
    TRY(file.require("devices"));
    TRY(file.each("devices", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(file.element(value, path));
        Device device;
        const Json* name = TRY(in.require("name"));
        if (name->is_number())
            return in.bad("name", "is not a string: put it in quotes, \"" + name->dump() + "\"");
        TRY(in.read("name", device.name));
        TRY(check_device_name(in, device.name, out));
        TRY(in.read("annotations", device.annotations));
        TRY(check_annotations(in, device.annotations));
        TRY(in.require("containerEdits"));
        TRY(read_edits(in, device.edits));
        if (device.edits.empty())
            return in.bad("containerEdits", "is empty: a device must change something");
        out.push_back(std::move(device));
        return in.refuse_unknown();
    }));
    if (out.empty()) return file.bad("devices", "is empty: a file defines at least one device");
    return {};
}

Result<Spec> read_spec(const Json& document) {
    Spec spec;
    auto in = TRY(ObjectReader::create(document, "", kBad));
    const Json* version = TRY(in.require("cdiVersion"));
    if (version->is_number()) return in.bad("cdiVersion", "is not a string: put it in quotes");
    TRY(in.read("cdiVersion", spec.version));
    TRY(check_version(in, spec.version));
    TRY(in.require("kind"));
    TRY(in.read("kind", spec.kind));
    TRY(check_kind(in, spec.kind));
    TRY(in.read("annotations", spec.annotations));
    TRY(check_annotations(in, spec.annotations));
    TRY(read_edits(in, spec.edits));
    TRY(read_devices(in, spec.devices));
    TRY(in.refuse_unknown());
    TRY(check_minimum_version(spec));
    return spec;
}

bool looks_like_json(std::string_view text) {
    std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

}  // namespace

Result<Spec> parse(std::string_view text, const std::string& path) {
    auto read = [&]() -> Result<Spec> {
        bool json = path.ends_with(".json") || looks_like_json(text);
        return read_spec(
            TRY(json ? parse_json(text, kBad, kMaxYamlBytes) : parse_yaml(text, kBad)));
    };
    auto spec = read();
    if (!spec) {
        Error error = std::move(spec).error().with_context("CDI file " + path);
        if (!error.hint().empty()) return fail(std::move(error));
        return fail(std::move(error).with_hint(
            "correct it, or have the vendor's program write it again (NVIDIA: nvidia-ctk cdi "
            "generate --output=" +
            path + ")"));
    }
    spec->path = path;
    return spec;
}

}  // namespace crank::oci::cdi
