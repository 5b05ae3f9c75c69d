// Limits. What devices a container may use the runtime decides, by spec.linux.devices.
#include <algorithm>

#include "base/text.h"
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
    resources.memory_swap = request.options.settings.memory_swap.value_or(
        *asked > INT64_MAX / 2 ? INT64_MAX : 2 * *asked);
    return {};
}

Result<> check_swap(const RunOptions& options) {
    const auto& swap = options.settings.memory_swap;
    if (!swap || *swap < 0) return {};
    std::string text = "--memory-swap=" + format_size_binary(*swap) + ": ";
    if (!options.memory)
        return fail(Error(Code::invalid_argument,
                          text + "it is memory and swap together, and needs --memory")
                        .with_hint("--memory=512m --memory-swap=1g"));
    if (*swap < *options.memory)
        return fail(Error(Code::invalid_argument, text +
                                                      "it is memory and swap together, and "
                                                      "below --memory=" +
                                                      format_size_binary(*options.memory))
                        .with_hint("the same as --memory: no swap; -1: any"));
    return {};
}

Result<> reserve_memory(const SpecRequest& request, oci::Resources& resources,
                        std::vector<std::string>& warnings) {
    const auto& asked = request.options.settings.memory_reservation;
    if (!asked || *asked == 0) return {};
    std::string text = "--memory-reservation=" + format_size_binary(*asked);
    if (*asked < kMinMemory)
        return fail(Code::invalid_argument,
                    text + ": at least " + format_size_binary(kMinMemory) + " is wanted");
    if (request.options.memory && *asked > *request.options.memory)
        return fail(Code::invalid_argument,
                    text + ": it is above --memory=" + format_size_binary(*request.options.memory));
    if (TRY(can_limit(request, "memory", text, warnings))) resources.memory_reservation = *asked;
    return {};
}

Result<> weigh_cpus(const SpecRequest& request, oci::Resources& resources,
                    std::vector<std::string>& warnings) {
    // The kernel's range; 0 is the default, as with Docker.
    constexpr std::int64_t kLeast = 2, kMost = 262144;
    const auto& asked = request.options.settings.cpu_shares;
    if (!asked || *asked == 0) return {};
    std::string text = "--cpu-shares=" + std::to_string(*asked);
    if (*asked < kLeast || *asked > kMost)
        return fail(Code::invalid_argument, text + ": from 2 to 262144 (1024 is the usual)");
    if (TRY(can_limit(request, "cpu", text, warnings)))
        resources.cpu_shares = static_cast<std::uint64_t>(*asked);
    return {};
}

Result<> choose_cpus(const SpecRequest& request, oci::Resources& resources,
                     std::vector<std::string>& warnings) {
    const Settings& settings = request.options.settings;
    for (const std::string& part : split(settings.cpuset_cpus, ','))
        for (const std::string& end : split(part, '-'))
            if (auto cpu = parse_int(end); cpu && *cpu >= request.host.cpus)
                return fail(Code::invalid_argument,
                            "--cpuset-cpus=" + settings.cpuset_cpus + ": this host has the CPUs 0" +
                                (request.host.cpus > 1 ? "-" + std::to_string(request.host.cpus - 1)
                                                       : std::string()));
    if (!settings.cpuset_cpus.empty() &&
        TRY(can_limit(request, "cpuset", "--cpuset-cpus=" + settings.cpuset_cpus, warnings)))
        resources.cpuset_cpus = settings.cpuset_cpus;
    if (!settings.cpuset_mems.empty() &&
        TRY(can_limit(request, "cpuset", "--cpuset-mems=" + settings.cpuset_mems, warnings)))
        resources.cpuset_mems = settings.cpuset_mems;
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
    TRY(check_swap(request.options));
    TRY(limit_memory(request, resources, warnings));
    TRY(reserve_memory(request, resources, warnings));
    TRY(weigh_cpus(request, resources, warnings));
    TRY(choose_cpus(request, resources, warnings));
    TRY(limit_pids(request, resources, warnings));
    return resources;
}

}  // namespace crank::engine::local
