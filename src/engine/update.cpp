#include "engine/update.h"

#include <string>

#include "base/units.h"
#include "engine/events.h"
#include "engine/options.h"
#include "engine/processes.h"
#include "engine/record.h"
#include "engine/restart_command.h"
#include "engine/state.h"
#include "runtime/adopt.h"
#include "runtime/host.h"
#include "runtime/oci/control.h"
#include "sys/file.h"
#include "sys/own_user_namespace.h"

namespace crank::engine {
namespace {

constexpr std::int64_t kNanosPerCpu = 1'000'000'000, kMinNanoCpus = kNanosPerCpu / 100;
constexpr std::uint64_t kPeriodUs = 100'000;

Result<> check_policy(const Record& record, const NewLimits& limits) {
    if (!limits.restart || limits.restart->kind == RestartPolicy::Kind::no) return {};
    if (!record.wanted_ports.empty() && !TRY(sys::own_user_namespace()).initial)
        return fail(Error(Code::unsupported,
                          "--restart: container " + shown_name(record) +
                              " publishes ports, which a monitor without root cannot open")
                        .with_hint("make it again without --publish"));
    if (!record.remove) return {};
    return fail(Error(Code::invalid_argument,
                      "--restart: container " + shown_name(record) + " is removed when it ends")
                    .with_hint("--restart and --rm are alternatives"));
}

Result<> check(const Record& record, const NewLimits& limits, const runtime::HostFacts& host) {
    if (!limits.has_limits()) return {};
    if (record.cgroups_path.empty())
        return fail(Code::unsupported,
                    shown_name(record) + " has no cgroup whose limits could change");
    if (limits.memory && *limits.memory < kMinMemory)
        return fail(Code::invalid_argument, "--memory " + format_size_binary(*limits.memory) +
                                                ": at least " + format_size_binary(kMinMemory));
    std::int64_t most = host.cpus * kNanosPerCpu;
    if (limits.nano_cpus && *limits.nano_cpus != 0 &&
        (*limits.nano_cpus < kMinNanoCpus || *limits.nano_cpus > most))
        return fail(Code::invalid_argument, "--cpus: from 0.01 to " + std::to_string(host.cpus) +
                                                ", because this host has so many CPUs");
    std::int64_t memory = limits.memory.value_or(record.memory);
    if (limits.memory_swap && *limits.memory_swap > 0 && *limits.memory_swap < memory)
        return fail(Code::invalid_argument,
                    "--memory-swap is memory and swap together, and less than the memory");
    // Docker's rule: memory cannot grow over what memory and swap together may have.
    if (limits.memory && !limits.memory_swap && record.memory_swap > 0 &&
        *limits.memory > record.memory_swap)
        return fail(
            Error(Code::invalid_argument, "--memory " + format_size_binary(*limits.memory) +
                                              " is more than memory and swap together may have (" +
                                              format_size_binary(record.memory_swap) + ")")
                .with_hint("give --memory-swap too"));
    return {};
}

oci::Resources resources_of(const NewLimits& limits) {
    oci::Resources resources;
    resources.memory_limit = limits.memory;
    resources.memory_swap = limits.memory_swap;
    resources.memory_reservation = limits.memory_reservation;
    resources.pids_limit = limits.pids_limit;
    resources.cpu_shares = limits.cpu_shares;
    resources.cpuset_cpus = limits.cpuset_cpus.value_or("");
    resources.cpuset_mems = limits.cpuset_mems.value_or("");
    if (limits.nano_cpus) {
        resources.cpu_period = kPeriodUs;
        resources.cpu_quota =
            *limits.nano_cpus == 0
                ? -1
                : *limits.nano_cpus / (kNanosPerCpu / static_cast<std::int64_t>(kPeriodUs));
    }
    return resources;
}

void merge(oci::Resources& into, const oci::Resources& from) {
    if (from.memory_limit) into.memory_limit = from.memory_limit;
    if (from.memory_swap) into.memory_swap = from.memory_swap;
    if (from.memory_reservation) into.memory_reservation = from.memory_reservation;
    if (from.pids_limit) into.pids_limit = from.pids_limit;
    if (from.cpu_shares) into.cpu_shares = from.cpu_shares;
    if (from.cpu_period) into.cpu_period = from.cpu_period;
    if (from.cpu_quota) into.cpu_quota = from.cpu_quota;
    if (!from.cpuset_cpus.empty()) into.cpuset_cpus = from.cpuset_cpus;
    if (!from.cpuset_mems.empty()) into.cpuset_mems = from.cpuset_mems;
}

// Read again under the lock: another command may have changed another limit.
Result<std::string> with_limits(const std::string& text, const oci::Resources& resources) {
    oci::RuntimeSpec spec = TRY(oci::parse_runtime_spec(text));
    merge(spec.linux.resources, resources);
    return oci::serialize(spec);
}

Result<> write(const Paths& paths, const Container& container, const NewLimits& limits,
               const oci::Resources& resources) {
    sys::UniqueFd lock = TRY(lock_record(paths, container.record));
    Record record = TRY(load(paths, container.record.id)).record;
    record.spec = TRY(with_limits(record.spec, resources));
    if (!record.spec_without_devices.empty())
        record.spec_without_devices = TRY(with_limits(record.spec_without_devices, resources));
    if (limits.memory) record.memory = *limits.memory;
    if (limits.memory_swap) record.memory_swap = *limits.memory_swap;
    if (limits.nano_cpus) record.nano_cpus = *limits.nano_cpus;
    if (limits.memory_reservation) record.settings.memory_reservation = limits.memory_reservation;
    if (limits.cpu_shares)
        record.settings.cpu_shares = static_cast<std::int64_t>(*limits.cpu_shares);
    if (limits.cpuset_cpus) record.settings.cpuset_cpus = *limits.cpuset_cpus;
    if (limits.cpuset_mems) record.settings.cpuset_mems = *limits.cpuset_mems;
    if (limits.restart) record.restart = *limits.restart;
    if (limits.pids_limit) record.pids_limit = *limits.pids_limit < 0 ? 0 : *limits.pids_limit;
    return write_record(paths, record);
}

}  // namespace

bool NewLimits::has_limits() const {
    return memory || memory_swap || nano_cpus || pids_limit || cpu_shares || memory_reservation ||
           cpuset_cpus || cpuset_mems;
}

Result<> update(const Paths& paths, const Container& container, const NewLimits& limits) {
    runtime::HostFacts host = TRY(runtime::probe_host());
    TRY(check_policy(container.record, limits));
    TRY(check(container.record, limits, host));
    oci::Resources resources = resources_of(limits);
    // The record last: what it says has been applied.
    if (container.state.pid > 0 && limits.has_limits())
        TRY_IN(runtime::oci_verbs::update_limits(container.record.cgroups_path, resources, host),
               "container " + shown_name(container.record));
    TRY(write(paths, container, limits, resources));
    if (limits.restart)
        TRY(runtime::give_policy(paths.monitor(container.record.id), when_of(limits.restart->kind),
                                 static_cast<std::uint32_t>(limits.restart->most)));
    note_container(paths, container.record, "update");
    return {};
}

}  // namespace crank::engine
