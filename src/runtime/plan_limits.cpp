// Limits as files of cgroups: the words of config.json in those of v1 and of v2.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

namespace {

class Writes {
public:
    Writes(Plan& plan, const HostFacts& facts) : writes_(plan.cgroup_writes), facts_(facts) {}
    // Of the v2 hierarchy, where it is the only one and where it stands beside v1.
    CgroupWrite& add_v2(std::string file, std::string value) {
        bool only = facts_.cgroup_mode == CgroupMode::v2;
        return add(only ? "" : std::string(kUnified), std::move(file), std::move(value));
    }
    template <class T>
    void add_v2_if(const char* file, const std::optional<T>& value) {
        if (value) add_v2(file, std::to_string(*value));
    }
    // Whether v1 lacks the controller and the v2 hierarchy beside it has it.
    bool is_beside(std::string_view v1_name, std::string_view v2_name) const {
        for (const auto& [name, mount] : facts_.cgroup_mounts)
            if (name == v1_name) return false;
        return !facts_.unified_mount.empty() &&
               std::ranges::find(facts_.v2_controllers, v2_name) != facts_.v2_controllers.end();
    }
    CgroupWrite& add(std::string controller, std::string file, std::string value) {
        return writes_.emplace_back(
            CgroupWrite{std::move(controller), std::move(file), std::move(value)});
    }
    template <class T>
    void add_if(const char* controller, const char* file, const std::optional<T>& value) {
        if (value) add(controller, file, std::to_string(*value));
    }

private:
    std::vector<CgroupWrite>& writes_;
    const HostFacts& facts_;
};

std::string most(std::int64_t n) { return n < 0 ? std::string("max") : std::to_string(n); }

std::string number_of(std::int64_t major, std::int64_t minor) {
    return std::to_string(major) + ":" + std::to_string(minor);
}

void limit_memory_v1(Writes& writes, const oci::Resources& r) {
    // The limit before memory+swap, which may never be below it.
    writes.add_if("memory", "memory.limit_in_bytes", r.memory_limit);
    if (r.memory_swap)
        writes.add("memory", "memory.memsw.limit_in_bytes", std::to_string(*r.memory_swap))
            .optional = true;
    writes.add_if("memory", "memory.soft_limit_in_bytes", r.memory_reservation);
    writes.add_if("memory", "memory.kmem.tcp.limit_in_bytes", r.memory_kernel_tcp);
    writes.add_if("memory", "memory.swappiness", r.memory_swappiness);
    if (r.disable_oom_killer)
        writes.add("memory", "memory.oom_control", *r.disable_oom_killer ? "1" : "0");
    // Since Linux 5.11 there is no other way than 1.
    if (r.memory_use_hierarchy)
        writes.add("memory", "memory.use_hierarchy", *r.memory_use_hierarchy ? "1" : "0");
}

void limit_block_io_v1(Writes& writes, const oci::BlockIo& io) {
    if (io.weight) {
        CgroupWrite& write = writes.add("blkio", "blkio.weight", std::to_string(*io.weight));
        write.otherwise_file = "blkio.bfq.weight";
        write.otherwise_value = write.value;
    }
    for (const auto& device : io.weight_devices) {
        if (!device.weight) continue;
        CgroupWrite& write = writes.add(
            "blkio", "blkio.weight_device",
            number_of(device.major, device.minor) + " " + std::to_string(*device.weight));
        write.otherwise_file = "blkio.bfq.weight_device";
        write.otherwise_value = write.value;
    }
    auto throttles = [&](const char* file, const std::vector<oci::DeviceThrottle>& list) {
        for (const auto& t : list)
            writes.add("blkio", file, number_of(t.major, t.minor) + " " + std::to_string(t.rate));
    };
    throttles("blkio.throttle.read_bps_device", io.read_bytes);
    throttles("blkio.throttle.write_bps_device", io.write_bytes);
    throttles("blkio.throttle.read_iops_device", io.read_operations);
    throttles("blkio.throttle.write_iops_device", io.write_operations);
}

std::string rdma_text(const std::string& name, const oci::RdmaLimit& limit) {
    std::string text = name;
    if (limit.handles) text += " hca_handle=" + std::to_string(*limit.handles);
    if (limit.objects) text += " hca_object=" + std::to_string(*limit.objects);
    return text;
}

Result<> limit_memory_v2(Writes& writes, const oci::Resources& r) {
    if (r.memory_limit) writes.add_v2("memory.max", most(*r.memory_limit));
    if (r.memory_swap) {
        // config-linux.md: of memory and swap together, where v2 counts swap alone.
        if (*r.memory_swap >= 0 && r.memory_limit.value_or(-1) < 0)
            return fail(
                Code::invalid_argument,
                "linux.resources.memory: swap is memory and swap together: it needs a limit");
        if (*r.memory_swap >= 0 && *r.memory_limit > *r.memory_swap)
            return fail(Code::invalid_argument,
                        "linux.resources.memory: swap, which is memory and swap together, is below "
                        "the limit");
        std::int64_t swap = *r.memory_swap < 0 ? -1 : *r.memory_swap - *r.memory_limit;
        writes.add_v2("memory.swap.max", most(swap)).optional = true;
    } else if (r.memory_limit && *r.memory_limit < 0) {
        writes.add_v2("memory.swap.max", "max").optional = true;
    }
    if (r.memory_reservation) writes.add_v2("memory.low", most(*r.memory_reservation));
    return {};
}

void limit_cpu_v2(Writes& writes, const oci::Resources& r) {
    // A quota alone leaves the period as it is (cgroup-v2.rst, cpu.max).
    if (r.cpu_quota || r.cpu_period)
        writes.add_v2("cpu.max",
                      most(r.cpu_quota.value_or(-1)) +
                          (r.cpu_period ? " " + std::to_string(*r.cpu_period) : std::string()));
    writes.add_v2_if("cpu.max.burst", r.cpu_burst);
    if (r.cpu_shares) {
        writes.add_v2("cpu.weight", std::to_string(cpu_weight(*r.cpu_shares)));
    }
    writes.add_v2_if("cpu.idle", r.cpu_idle);
    if (!r.cpuset_cpus.empty()) writes.add_v2("cpuset.cpus", r.cpuset_cpus);
    if (!r.cpuset_mems.empty()) writes.add_v2("cpuset.mems", r.cpuset_mems);
}

// The BFQ scheduler has v1's range, 1 to 1000; what else weighs I/O takes 1 to 10000.
std::uint64_t io_weight(std::uint16_t weight) {
    return 1 + (std::uint64_t{std::clamp<std::uint16_t>(weight, 10, 1000)} - 10) * 9999 / 990;
}

void limit_block_io_v2(Writes& writes, const oci::BlockIo& io) {
    auto weigh = [&](const std::string& device, std::uint16_t weight) {
        CgroupWrite& write = writes.add_v2("io.bfq.weight", device + std::to_string(weight));
        write.otherwise_file = "io.weight";
        write.otherwise_value = device + std::to_string(io_weight(weight));
    };
    if (io.weight) weigh("", *io.weight);
    for (const auto& device : io.weight_devices)
        if (device.weight) weigh(number_of(device.major, device.minor) + " ", *device.weight);
    auto throttles = [&](const char* word, const std::vector<oci::DeviceThrottle>& list) {
        for (const auto& t : list)
            writes.add_v2("io.max", number_of(t.major, t.minor) + " " + word + "=" +
                                        most(t.rate == 0 ? -1 : static_cast<std::int64_t>(t.rate)));
    };
    throttles("rbps", io.read_bytes);
    throttles("wbps", io.write_bytes);
    throttles("riops", io.read_operations);
    throttles("wiops", io.write_operations);
}

void limit_hugepages(Writes& writes, const oci::Resources& r, bool v2) {
    for (const auto& huge : r.hugepages) {
        std::string file = "hugetlb." + huge.page_size, value = std::to_string(huge.limit);
        // Of what is reserved: since Linux 5.7.
        if (v2) {
            writes.add_v2(file + ".max", value);
            writes.add_v2(file + ".rsvd.max", value).optional = true;
        } else {
            writes.add("hugetlb", file + ".limit_in_bytes", value);
            writes.add("hugetlb", file + ".rsvd.limit_in_bytes", value).optional = true;
        }
    }
}

// What is said in v2's own words goes over what was converted. A file that takes a device a line
// takes one line at a time.
void add_unified(Writes& writes, const oci::Resources& r) {
    for (const auto& [file, value] : r.unified)
        for (const auto& line : split(value, '\n'))
            if (!line.empty()) writes.add_v2(file, line);
}

Result<> limit_v1(Writes& writes, const oci::Resources& r) {
    for (const auto& [file, value] : r.unified) {
        std::string controller = file.substr(0, file.find('.'));
        if (!writes.is_beside(controller == "io" ? "blkio" : controller, controller))
            return fail(Code::unsupported, "linux.resources.unified: invalid configuration: '" +
                                               file +
                                               "': this host has the controller in a cgroup v1 "
                                               "hierarchy, or not at all");
    }
    limit_memory_v1(writes, r);
    writes.add_if("cpu", "cpu.shares", r.cpu_shares);
    writes.add_if("cpu", "cpu.cfs_period_us", r.cpu_period);
    writes.add_if("cpu", "cpu.cfs_quota_us", r.cpu_quota);
    writes.add_if("cpu", "cpu.cfs_burst_us", r.cpu_burst);
    // The time cannot be more than the period.
    writes.add_if("cpu", "cpu.rt_period_us", r.cpu_rt_period);
    writes.add_if("cpu", "cpu.rt_runtime_us", r.cpu_rt_runtime);
    writes.add_if("cpu", "cpu.idle", r.cpu_idle);
    if (!r.cpuset_cpus.empty()) writes.add("cpuset", "cpuset.cpus", r.cpuset_cpus);
    if (!r.cpuset_mems.empty()) writes.add("cpuset", "cpuset.mems", r.cpuset_mems);
    if (r.pids_limit) writes.add("pids", "pids.max", most(*r.pids_limit));
    writes.is_beside("blkio", "io") ? limit_block_io_v2(writes, r.block_io)
                                    : limit_block_io_v1(writes, r.block_io);
    limit_hugepages(writes, r, writes.is_beside("hugetlb", "hugetlb"));
    writes.add_if("net_cls", "net_cls.classid", r.network_class);
    for (const auto& priority : r.network_priorities)
        writes.add("net_prio", "net_prio.ifpriomap",
                   priority.name + " " + std::to_string(priority.priority));
    for (const auto& [name, limit] : r.rdma)
        writes.is_beside("rdma", "rdma") ? writes.add_v2("rdma.max", rdma_text(name, limit))
                                         : writes.add("rdma", "rdma.max", rdma_text(name, limit));
    add_unified(writes, r);
    return {};
}

// What v2 has no file for must not be dropped in silence.
Result<> refuse_v1_only(const oci::Resources& r) {
    const char* field = r.disable_oom_killer.value_or(false) ? "memory.disableOOMKiller"
                        : r.memory_swappiness                ? "memory.swappiness"
                        : r.memory_kernel_tcp                ? "memory.kernelTCP"
                        : r.cpu_rt_runtime                   ? "cpu.realtimeRuntime"
                        : r.cpu_rt_period                    ? "cpu.realtimePeriod"
                        : r.network_class                    ? "network.classID"
                        : !r.network_priorities.empty()      ? "network.priorities"
                                                             : nullptr;
    if (field == nullptr) return {};
    return fail(Code::unsupported,
                "linux.resources." + std::string(field) + ": cgroup v2 has no such limit");
}

Result<> limit_v2(Writes& writes, const oci::Resources& r) {
    TRY(refuse_v1_only(r));
    TRY(limit_memory_v2(writes, r));
    limit_cpu_v2(writes, r);
    if (r.pids_limit) writes.add_v2("pids.max", most(*r.pids_limit));
    limit_block_io_v2(writes, r.block_io);
    limit_hugepages(writes, r, true);
    for (const auto& [name, limit] : r.rdma) writes.add_v2("rdma.max", rdma_text(name, limit));
    add_unified(writes, r);
    return {};
}

}  // namespace

// Shares of 2 to 262144 to weights of 1 to 10000, so that the default 1024 becomes the default 100:
// the quadratic function of the shares' logarithm that runc 1.4 and crun 1.25 take.
std::uint64_t cpu_weight(std::uint64_t shares) {
    constexpr std::uint64_t kLeast = 2, kMost = 262144, kMostWeight = 10000;
    if (shares <= kLeast) return 1;
    if (shares >= kMost) return kMostWeight;
    double log = std::log2(static_cast<double>(shares));
    return static_cast<std::uint64_t>(
        std::ceil(std::pow(10.0, (log * log + 125 * log) / 612 - 7.0 / 34)));
}

Result<> plan_limits(Builder& builder, const oci::Resources& resources, const HostFacts& facts) {
    Writes writes(builder.plan(), facts);
    if (facts.cgroup_mode == CgroupMode::v1) return limit_v1(writes, resources);
    if (facts.cgroup_mode == CgroupMode::v2) return limit_v2(writes, resources);
    return {};
}

bool wants_limits(const oci::Resources& resources) {
    oci::Resources without = resources;
    without.devices.clear();
    return without != oci::Resources{};
}

}  // namespace crank::runtime
