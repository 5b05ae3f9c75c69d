// linux.resources, both ways (runtime-spec v1.2, config-linux.md, "Control groups").
#include "oci/json_writer.h"
#include "oci/runtime_spec_linux.h"

namespace crank::oci {

namespace {

Result<> read_device_rules(ObjectReader& parent, std::vector<DeviceRule>& out) {
    return parent.each("devices", [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        DeviceRule& rule = out.emplace_back();
        TRY(in.require("allow"));
        TRY(in.read("allow", rule.allow));
        TRY(in.read("type", rule.type));
        if (rule.type != "a" && rule.type != "b" && rule.type != "c")
            return in.bad("type", "is not one of a, b, c");
        TRY(in.read("major", rule.major));
        TRY(in.read("minor", rule.minor));
        TRY(in.read("access", rule.access));
        if (rule.access.find_first_not_of("rwm") != std::string::npos)
            return in.bad("access", "is not made of r, w and m");
        return in.refuse_unknown();
    });
}

Result<> read_memory(ObjectReader& in, Resources& out) {
    TRY(in.read("limit", out.memory_limit));
    TRY(in.read("swap", out.memory_swap));
    TRY(in.read("reservation", out.memory_reservation));
    TRY(in.read("kernelTCP", out.memory_kernel_tcp));
    TRY(in.read("swappiness", out.memory_swappiness));
    if (out.memory_swappiness && *out.memory_swappiness > 100)
        return in.bad("swappiness", "is not from 0 to 100");
    TRY(in.read("disableOOMKiller", out.disable_oom_killer));
    TRY(in.read("useHierarchy", out.memory_use_hierarchy));
    TRY(in.read("checkBeforeUpdate", out.memory_check_before_update));
    // Linux 6.1 took its effect away. The kernel's memory counts as the container's, so what is not
    // below the limit of all is kept by that; 0 and -1 are no limit.
    std::optional<std::int64_t> kernel;
    TRY(in.read("kernel", kernel));
    std::int64_t all = out.memory_limit.value_or(0);
    if (kernel && *kernel > 0 && (all <= 0 || *kernel < all))
        TRY(in.refuse_unsupported({"kernel"}));
    return in.refuse_unknown();
}

Result<> read_cpu(ObjectReader& in, Resources& out) {
    TRY(in.read("shares", out.cpu_shares));
    TRY(in.read("quota", out.cpu_quota));
    TRY(in.read("period", out.cpu_period));
    TRY(in.read("burst", out.cpu_burst));
    TRY(in.read("realtimeRuntime", out.cpu_rt_runtime));
    TRY(in.read("realtimePeriod", out.cpu_rt_period));
    TRY(in.read("idle", out.cpu_idle));
    TRY(in.read("cpus", out.cpuset_cpus));
    TRY(in.read("mems", out.cpuset_mems));
    return in.refuse_unknown();
}

Result<> read_throttles(ObjectReader& parent, std::string_view name,
                        std::vector<DeviceThrottle>& out) {
    return parent.each(name, [&](const Json& value, const std::string& path) -> Result<> {
        auto in = TRY(parent.element(value, path));
        DeviceThrottle& throttle = out.emplace_back();
        for (std::string_view field : {"major", "minor", "rate"}) TRY(in.require(field));
        TRY(in.read("major", throttle.major));
        TRY(in.read("minor", throttle.minor));
        TRY(in.read("rate", throttle.rate));
        return in.refuse_unknown();
    });
}

Result<> check_weight(ObjectReader& in, std::string_view name,
                      const std::optional<std::uint16_t>& weight) {
    if (weight && *weight != 0 && (*weight < 10 || *weight > 1000))
        return in.bad(name, "is not from 10 to 1000");
    return {};
}

Result<> read_block_io(ObjectReader& in, BlockIo& out) {
    TRY(in.read("weight", out.weight));
    TRY(check_weight(in, "weight", out.weight));
    TRY(in.each("weightDevice", [&](const Json& value, const std::string& path) -> Result<> {
        auto fields = TRY(in.element(value, path));
        DeviceWeight& device = out.weight_devices.emplace_back();
        for (std::string_view field : {"major", "minor"}) TRY(fields.require(field));
        TRY(fields.read("major", device.major));
        TRY(fields.read("minor", device.minor));
        TRY(fields.read("weight", device.weight));
        TRY(check_weight(fields, "weight", device.weight));
        TRY(fields.refuse_unsupported({"leafWeight"}));
        return fields.refuse_unknown();
    }));
    TRY(read_throttles(in, "throttleReadBpsDevice", out.read_bytes));
    TRY(read_throttles(in, "throttleWriteBpsDevice", out.write_bytes));
    TRY(read_throttles(in, "throttleReadIOPSDevice", out.read_operations));
    TRY(read_throttles(in, "throttleWriteIOPSDevice", out.write_operations));
    // Of the CFQ scheduler, which Linux 5.0 took out.
    TRY(in.refuse_unsupported({"leafWeight"}));
    return in.refuse_unknown();
}

Result<> read_network(ObjectReader& in, Resources& out) {
    TRY(in.read("classID", out.network_class));
    TRY(in.each("priorities", [&](const Json& value, const std::string& path) -> Result<> {
        auto fields = TRY(in.element(value, path));
        InterfacePriority& priority = out.network_priorities.emplace_back();
        for (std::string_view field : {"name", "priority"}) TRY(fields.require(field));
        TRY(fields.read("name", priority.name));
        TRY(fields.read("priority", priority.priority));
        return fields.refuse_unknown();
    }));
    return in.refuse_unknown();
}

Result<> read_hugepages(ObjectReader& parent, std::vector<HugepageLimit>& out) {
    return parent.each(
        "hugepageLimits", [&](const Json& value, const std::string& path) -> Result<> {
            auto in = TRY(parent.element(value, path));
            HugepageLimit& limit = out.emplace_back();
            for (std::string_view field : {"pageSize", "limit"}) TRY(in.require(field));
            TRY(in.read("pageSize", limit.page_size));
            // It becomes a part of a file's name.
            bool good = limit.page_size.ends_with("B") &&
                        limit.page_size.find_first_not_of("0123456789KMGB") == std::string::npos;
            if (!good) return in.bad("pageSize", "is not a size like 2MB");
            TRY(in.read("limit", limit.limit));
            return in.refuse_unknown();
        });
}

// Objects whose fields have names of the user's.
Result<> read_rdma(ObjectReader& in, std::map<std::string, RdmaLimit>& out) {
    for (const std::string& name : in.names())
        TRY(in.object(name, [&](ObjectReader& limit) -> Result<> {
            TRY(limit.read("hcaHandles", out[name].handles));
            TRY(limit.read("hcaObjects", out[name].objects));
            return limit.refuse_unknown();
        }));
    return {};
}

Json to_json(const DeviceRule& rule) {
    Json out{{"allow", rule.allow}, {"type", rule.type}};
    put(out, "major", rule.major);
    put(out, "minor", rule.minor);
    put(out, "access", rule.access);
    return out;
}

Json memory_json(const Resources& resources) {
    Json memory = Json::object();
    put(memory, "limit", resources.memory_limit);
    put(memory, "swap", resources.memory_swap);
    put(memory, "reservation", resources.memory_reservation);
    put(memory, "kernelTCP", resources.memory_kernel_tcp);
    put(memory, "swappiness", resources.memory_swappiness);
    put(memory, "disableOOMKiller", resources.disable_oom_killer);
    put(memory, "useHierarchy", resources.memory_use_hierarchy);
    put(memory, "checkBeforeUpdate", resources.memory_check_before_update);
    return memory;
}

Json cpu_json(const Resources& resources) {
    Json cpu = Json::object();
    put(cpu, "shares", resources.cpu_shares);
    put(cpu, "quota", resources.cpu_quota);
    put(cpu, "period", resources.cpu_period);
    put(cpu, "burst", resources.cpu_burst);
    put(cpu, "realtimeRuntime", resources.cpu_rt_runtime);
    put(cpu, "realtimePeriod", resources.cpu_rt_period);
    put(cpu, "idle", resources.cpu_idle);
    put(cpu, "cpus", resources.cpuset_cpus);
    put(cpu, "mems", resources.cpuset_mems);
    return cpu;
}

Json block_io_json(const BlockIo& io) {
    Json out = Json::object();
    put(out, "weight", io.weight);
    put_list(out, "weightDevice", io.weight_devices, [](const DeviceWeight& device) {
        Json value{{"major", device.major}, {"minor", device.minor}};
        put(value, "weight", device.weight);
        return value;
    });
    auto throttles = [&](const char* name, const std::vector<DeviceThrottle>& list) {
        put_list(out, name, list, [](const DeviceThrottle& throttle) -> Json {
            return {{"major", throttle.major}, {"minor", throttle.minor}, {"rate", throttle.rate}};
        });
    };
    throttles("throttleReadBpsDevice", io.read_bytes);
    throttles("throttleWriteBpsDevice", io.write_bytes);
    throttles("throttleReadIOPSDevice", io.read_operations);
    throttles("throttleWriteIOPSDevice", io.write_operations);
    return out;
}

Json network_json(const Resources& resources) {
    Json out = Json::object();
    put(out, "classID", resources.network_class);
    put_list(out, "priorities", resources.network_priorities,
             [](const InterfacePriority& priority) -> Json {
                 return {{"name", priority.name}, {"priority", priority.priority}};
             });
    return out;
}

}  // namespace

Result<> read_resources(ObjectReader& in, Resources& out) {
    TRY(read_device_rules(in, out.devices));
    TRY(in.object("memory", [&](ObjectReader& memory) { return read_memory(memory, out); }));
    TRY(in.object("cpu", [&](ObjectReader& cpu) { return read_cpu(cpu, out); }));
    TRY(in.object("pids", [&](ObjectReader& pids) -> Result<> {
        TRY(pids.read("limit", out.pids_limit));
        return pids.refuse_unknown();
    }));
    TRY(in.object("blockIO", [&](ObjectReader& io) { return read_block_io(io, out.block_io); }));
    TRY(read_hugepages(in, out.hugepages));
    TRY(in.object("network", [&](ObjectReader& network) { return read_network(network, out); }));
    TRY(in.object("rdma", [&](ObjectReader& rdma) { return read_rdma(rdma, out.rdma); }));
    TRY(in.read("unified", out.unified));
    for (const auto& [name, value] : out.unified)
        if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
            return in.bad("unified", "names '" + name + "', which is no file of a cgroup");
    return in.refuse_unknown();
}

Json to_json(const Resources& resources) {
    Json out = Json::object();
    put_object(out, "memory", memory_json(resources));
    put_object(out, "cpu", cpu_json(resources));
    if (resources.pids_limit) out["pids"] = {{"limit", *resources.pids_limit}};
    put_list(out, "devices", resources.devices, [](const DeviceRule& r) { return to_json(r); });
    put_object(out, "blockIO", block_io_json(resources.block_io));
    put_list(out, "hugepageLimits", resources.hugepages, [](const HugepageLimit& h) -> Json {
        return {{"pageSize", h.page_size}, {"limit", h.limit}};
    });
    put_object(out, "network", network_json(resources));
    for (const auto& [name, limit] : resources.rdma) {
        Json value = Json::object();
        put(value, "hcaHandles", limit.handles);
        put(value, "hcaObjects", limit.objects);
        out["rdma"][name] = value;
    }
    put(out, "unified", resources.unified);
    return out;
}

}  // namespace crank::oci
