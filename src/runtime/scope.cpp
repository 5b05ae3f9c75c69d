#include "runtime/scope.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "runtime/builder.h"
#include "runtime/cpu_list.h"

namespace crank::runtime {
namespace {

constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMostName = 255;  // UNIT_NAME_MAX

// systemd.unit(5): letters, digits and ":-_.\\"; no template, so no "@".
bool is_unit_name(std::string_view name) {
    return !name.empty() && name.size() <= kMostName && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view(":-_.\\").contains(c);
    });
}

std::uint64_t limit_of(std::int64_t value) {
    return value < 0 ? kInfinity : static_cast<std::uint64_t>(value);
}

// CPUQuotaPerSecUSec: systemd keeps whole percents, so it is rounded up to one; the group's own
// file has what was asked for.
std::uint64_t quota_per_second(std::int64_t quota, std::uint64_t period) {
    constexpr std::uint64_t kSecond = 1'000'000, kPercent = 10'000;
    if (quota <= 0 || period == 0) return kInfinity;
    auto scaled = static_cast<unsigned __int128>(quota) * kSecond / period;
    if (scaled >= kInfinity - kPercent) return kInfinity;
    auto value = static_cast<std::uint64_t>(scaled);
    return (value + kPercent - 1) / kPercent * kPercent;
}

// A bit for each, the lowest first, without the zero bytes at the end.
Result<std::vector<std::uint8_t>> bits_of(const std::string& list, const std::string& field) {
    CpuMask mask = TRY(parse_cpu_list(list, field));
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t word : mask)
        for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
    return bytes;
}

}  // namespace

Result<std::string> path_of_slice(const std::string& slice) {
    constexpr std::string_view kSuffix = ".slice";
    auto refuse = [&] {
        return fail(Code::invalid_argument,
                    "linux.cgroupsPath: '" + slice + "' is not the name of a slice");
    };
    if (!slice.ends_with(kSuffix) || !is_unit_name(slice)) return refuse();
    std::string stem = slice.substr(0, slice.size() - kSuffix.size());
    if (stem == "-") return std::string();
    std::string path, prefix;
    for (const std::string& part : split(stem, '-')) {
        if (part.empty()) return refuse();
        path += "/" + prefix + part + std::string(kSuffix);
        prefix += part + "-";
    }
    return path;
}

Result<Scope> parse_scope(const std::string& cgroups_path, const std::string& id) {
    auto parts = split(cgroups_path.empty() ? ":crank-oci:" + id : cgroups_path, ':');
    if (parts.size() != 3)
        return fail(Error(Code::invalid_argument,
                          "linux.cgroupsPath '" + cgroups_path +
                              "' is not of the form slice:prefix:name, which --systemd-cgroup asks "
                              "for")
                        .with_hint("system.slice:crank:" + id));
    if (parts[2].ends_with(".slice"))
        return fail(Code::unsupported, "linux.cgroupsPath: '" + parts[2] +
                                           "' is a slice, and a container lives in a scope");
    Scope scope;
    scope.slice = parts[0].empty() ? "system.slice" : parts[0];
    scope.unit = (parts[1].empty() ? "" : parts[1] + "-") + parts[2] + ".scope";
    if (parts[2].empty() || !is_unit_name(scope.unit))
        return fail(Code::invalid_argument, "linux.cgroupsPath: '" + scope.unit +
                                                "' cannot be the name of a unit: letters, digits "
                                                "and -_.\\ alone, at most 255 of them");
    scope.cgroups_path = TRY(path_of_slice(scope.slice)) + "/" + scope.unit;
    return scope;
}

Result<std::vector<UnitProperty>> limit_properties(const oci::Resources& r) {
    constexpr std::uint64_t kUsualPeriod = 100'000;  // microseconds
    std::vector<UnitProperty> out;
    if (r.memory_limit) out.push_back({"MemoryMax", limit_of(*r.memory_limit)});
    if (r.memory_reservation) out.push_back({"MemoryLow", limit_of(*r.memory_reservation)});
    if (r.memory_swap) {
        // As for memory.swap.max (plan_limits.cpp), which has said what is wrong with it.
        bool counts = *r.memory_swap >= 0 && r.memory_limit.value_or(-1) >= 0 &&
                      *r.memory_swap >= *r.memory_limit;
        out.push_back(
            {"MemorySwapMax", counts ? limit_of(*r.memory_swap - *r.memory_limit) : kInfinity});
    }
    if (r.cpu_shares) out.push_back({"CPUWeight", cpu_weight(*r.cpu_shares)});
    if (r.cpu_period) out.push_back({"CPUQuotaPeriodUSec", *r.cpu_period});
    if (r.cpu_quota || r.cpu_period)
        out.push_back(
            {"CPUQuotaPerSecUSec",
             quota_per_second(r.cpu_quota.value_or(-1), r.cpu_period.value_or(kUsualPeriod))});
    // systemd takes no 0, and the kernel's 0 lets not even the first process live.
    if (r.pids_limit) out.push_back({"TasksMax", *r.pids_limit == 0 ? 1 : limit_of(*r.pids_limit)});
    if (!r.cpuset_cpus.empty())
        out.push_back({"AllowedCPUs", TRY(bits_of(r.cpuset_cpus, "linux.resources.cpu.cpus"))});
    if (!r.cpuset_mems.empty())
        out.push_back(
            {"AllowedMemoryNodes", TRY(bits_of(r.cpuset_mems, "linux.resources.cpu.mems"))});
    return out;
}

std::vector<UnitProperty> containers_unit_properties() {
    return {
        {"Description", std::string("Containers of crank run")},
        {"Type", std::string("oneshot")},
        {"RemainAfterExit", true},
        {"ExecStart", UnitCommand{"/bin/true", {"/bin/true"}}},
        {"Delegate", true},
        // Of what units depend on by default the shutdown alone: it ends the containers in order.
        // All else of a machine's start is not for `crank run` to begin.
        {"DefaultDependencies", false},
        {"Conflicts", std::vector<std::string>{"shutdown.target"}},
        {"Before", std::vector<std::string>{"shutdown.target"}},
        {"MemoryAccounting", true},
        {"CPUAccounting", true},
        {"IOAccounting", true},
        {"TasksAccounting", true},
        // All of the containers together have no limit of systemd's making, and what the kernel
        // ends in one of them is no reason to end the others.
        {"TasksMax", kInfinity},
        {"OOMPolicy", std::string("continue")},
        {"CollectMode", std::string("inactive-or-failed")},
    };
}

Result<std::vector<UnitProperty>> scope_properties(const Scope& scope, const std::string& id,
                                                   const oci::Resources& resources) {
    std::vector<UnitProperty> out{
        {"Description", "crank container " + id},
        {"Slice", scope.slice},
        // What lies below is the container's, and its files are written by crank.
        {"Delegate", true},
        {"MemoryAccounting", true},
        {"CPUAccounting", true},
        {"IOAccounting", true},
        {"TasksAccounting", true},
        // It ends when the engine that called says so, not with the targets of a shutdown.
        {"DefaultDependencies", false},
        // One that has failed does not keep its name.
        {"CollectMode", std::string("inactive-or-failed")},
    };
    for (auto& property : TRY(limit_properties(resources))) out.push_back(std::move(property));
    return out;
}

}  // namespace crank::runtime
