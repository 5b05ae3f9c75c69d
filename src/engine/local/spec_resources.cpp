// Limits. What devices a container may use the runtime decides, by spec.linux.devices.
#include <algorithm>

#include "base/units.h"
#include "engine/local/spec.h"

namespace crank::engine::local {
namespace {

constexpr std::uint64_t kPeriodUs = 100'000;
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;
constexpr std::int64_t kMinNanoCpus = kNanosPerCpu / 100;  // the kernel's least quota is 1 ms

bool has_controller(const runtime::HostFacts& host, std::string_view name) {
    switch (host.cgroup_mode) {
        case runtime::CgroupMode::none: return false;
        case runtime::CgroupMode::v1:
            return std::any_of(host.cgroup_mounts.begin(), host.cgroup_mounts.end(),
                               [&](const auto& mount) { return mount.first == name; });
        case runtime::CgroupMode::v2:
            return std::find(host.v2_controllers.begin(), host.v2_controllers.end(), name) !=
                   host.v2_controllers.end();
    }
    return false;
}

std::string cpus_text(std::int64_t nano_cpus) {
    std::int64_t hundredths = nano_cpus / (kNanosPerCpu / 100);
    std::string text = std::to_string(hundredths / 100);
    if (hundredths % 100 != 0) {
        std::string fraction = std::to_string(100 + hundredths % 100).substr(1);
        if (fraction.back() == '0') fraction.pop_back();
        text += "." + fraction;
    }
    return text;
}

// Whether the limit can be set; otherwise an error, or a warning with Limits::best_effort.
Result<bool> can_limit(const SpecRequest& request, std::string_view controller,
                       const std::string& what, std::vector<std::string>& warnings) {
    if (has_controller(request.host, controller)) return true;
    std::string why = what + " cannot be applied: this host has no usable " +
                      std::string(controller) + " cgroup controller";
    if (request.options.limits == Limits::strict)
        return fail(
            Error(Code::unsupported, why)
                .with_hint(request.host.user_namespace
                               ? "limits take root: sudo crank run, or --limits=best-effort "
                                 "starts the worker without them"
                               : "--limits=best-effort starts the worker without it"));
    warnings.push_back(why);
    return false;
}

Result<> limit_cpus(const SpecRequest& request, oci::Resources& resources,
                    std::vector<std::string>& warnings) {
    const auto& asked = request.options.nano_cpus;
    if (!asked) return {};
    std::int64_t most = request.host.cpus * kNanosPerCpu;
    if (*asked < kMinNanoCpus || *asked > most)
        return fail(Code::invalid_argument, "--cpus=" + cpus_text(*asked) + ": from 0.01 to " +
                                                cpus_text(most) + ", because this host has " +
                                                std::to_string(request.host.cpus) +
                                                (request.host.cpus == 1 ? " CPU" : " CPUs"));
    if (!TRY(can_limit(request, "cpu", "--cpus=" + cpus_text(*asked), warnings))) return {};
    resources.cpu_period = kPeriodUs;
    resources.cpu_quota = *asked / (kNanosPerCpu / static_cast<std::int64_t>(kPeriodUs));
    return {};
}

Result<> limit_memory(const SpecRequest& request, oci::Resources& resources,
                      std::vector<std::string>& warnings) {
    const auto& asked = request.options.memory;
    if (!asked) return {};
    if (*asked < kMinMemory)
        return fail(Code::invalid_argument, "--memory=" + format_size_binary(*asked) +
                                                ": at least " + format_size_binary(kMinMemory) +
                                                " is needed to start a worker");
    if (!TRY(can_limit(request, "memory", "--memory=" + format_size_binary(*asked), warnings)))
        return {};
    resources.memory_limit = *asked;
    // Docker's rule: as much swap again.
    resources.memory_swap = *asked > INT64_MAX / 2 ? INT64_MAX : 2 * *asked;
    return {};
}

Result<> limit_pids(const SpecRequest& request, oci::Resources& resources,
                    std::vector<std::string>& warnings) {
    const auto& asked = request.options.pids_limit;
    // Docker: 0 and -1 mean none.
    if (asked && *asked <= 0) return {};
    if (!asked) {
        if (has_controller(request.host, "pids"))
            resources.pids_limit = kDefaultPidsLimit;
        else
            warnings.emplace_back(
                "the number of processes is not limited: this host has no usable pids cgroup "
                "controller");
        return {};
    }
    if (TRY(can_limit(request, "pids", "--pids-limit=" + std::to_string(*asked), warnings)))
        resources.pids_limit = *asked;
    return {};
}

}  // namespace

Result<oci::Resources> make_resources(const SpecRequest& request,
                                      std::vector<std::string>& warnings) {
    oci::Resources resources;
    TRY(limit_cpus(request, resources, warnings));
    TRY(limit_memory(request, resources, warnings));
    TRY(limit_pids(request, resources, warnings));
    return resources;
}

}  // namespace crank::engine::local
