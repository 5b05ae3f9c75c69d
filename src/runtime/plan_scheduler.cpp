// When and where a process runs: scheduler, I/O priority, processors.
#include <array>
#include <limits>

#include "runtime/builder.h"
#include "runtime/cpu_list.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

// struct sched_attr of sched_setattr(2), its first version.
struct SchedulerAttributes {
    std::uint32_t size = 48, policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0, deadline = 0, period = 0;
};
static_assert(sizeof(SchedulerAttributes) == 48);

template <std::size_t N>
Result<std::uint64_t> number_of(
    const std::array<std::pair<std::string_view, std::uint64_t>, N>& names, const std::string& name,
    const char* field) {
    for (const auto& [known, number] : names)
        if (known == name) return number;
    return fail(Code::invalid_argument, std::string(field) + ": unknown value '" + name + "'");
}

Result<> add_io_priority(Builder& builder, const oci::Process& process) {
    if (!process.io_priority) return {};
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 3> kLevels{
        {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}};
    std::uint64_t level =
        TRY(number_of(kLevels, process.io_priority->level, "process.ioPriority.class"));
    builder.add(OpKind::io_priority, "set the I/O priority").a =
        level << 13 | static_cast<std::uint64_t>(process.io_priority->priority);
    return {};
}

// What the kernel refuses with EINVAL alone (sched(7)), in words.
Result<> check_deadline(const oci::Scheduler& wanted) {
    if (wanted.policy != "SCHED_DEADLINE") return {};
    constexpr std::uint64_t kLeast = 1024, kMost = (std::uint64_t{1} << 63) - 1;
    auto bad = [](const std::string& text) {
        return fail(Code::invalid_argument,
                    "process.scheduler: sched_setattr: `SCHED_DEADLINE` " + text);
    };
    if (!wanted.runtime) return bad("requires `runtime`");
    if (!wanted.deadline) return bad("requires `deadline`");
    std::uint64_t runtime = *wanted.runtime, deadline = *wanted.deadline,
                  period = wanted.period.value_or(0);
    if (runtime == 0) return bad("runtime must be greater than 0");
    if (runtime < kLeast || runtime > kMost)
        return bad("runtime " + std::to_string(runtime) + " must be between " +
                   std::to_string(kLeast) + " and " + std::to_string(kMost));
    if (runtime > deadline)
        return bad("runtime " + std::to_string(runtime) + " must be <= deadline " +
                   std::to_string(deadline));
    if (period != 0 && deadline > period)
        return bad("deadline " + std::to_string(deadline) + " must be <= period " +
                   std::to_string(period));
    return {};
}

}  // namespace

Result<> add_scheduler(Builder& builder, const oci::Process& process) {
    TRY(add_io_priority(builder, process));
    if (!process.scheduler) return {};
    TRY(check_deadline(*process.scheduler));
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kPolicies{
        {{"SCHED_OTHER", 0},
         {"SCHED_FIFO", 1},
         {"SCHED_RR", 2},
         {"SCHED_BATCH", 3},
         {"SCHED_ISO", 4},
         {"SCHED_IDLE", 5},
         {"SCHED_DEADLINE", 6}}};
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kFlags{
        {{"SCHED_FLAG_RESET_ON_FORK", 0x01},
         {"SCHED_FLAG_RECLAIM", 0x02},
         {"SCHED_FLAG_DL_OVERRUN", 0x04},
         {"SCHED_FLAG_KEEP_POLICY", 0x08},
         {"SCHED_FLAG_KEEP_PARAMS", 0x10},
         {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
         {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}}};
    const oci::Scheduler& wanted = *process.scheduler;
    SchedulerAttributes attributes;
    attributes.policy = static_cast<std::uint32_t>(
        TRY(number_of(kPolicies, wanted.policy, "process.scheduler.policy")));
    for (const auto& flag : wanted.flags)
        attributes.flags |= TRY(number_of(kFlags, flag, "process.scheduler.flags"));
    attributes.nice = wanted.nice;
    attributes.priority = static_cast<std::uint32_t>(wanted.priority);
    attributes.runtime = wanted.runtime.value_or(0);
    attributes.deadline = wanted.deadline.value_or(0);
    attributes.period = wanted.period.value_or(0);
    std::uint32_t offset = builder.array(std::span<const SchedulerAttributes>(&attributes, 1));
    builder.add(OpKind::scheduler, "set the scheduler " + wanted.policy).s1 = offset;
    return {};
}

Result<> check_cpu_affinity(const oci::Process& process) {
    const auto& affinity = process.exec_cpu_affinity;
    if (!affinity) return {};
    constexpr const char* kField = "process.execCPUAffinity.";
    if (!affinity->initial.empty())
        TRY(parse_cpu_list(affinity->initial, std::string(kField) + "initial"));
    if (!affinity->final.empty())
        TRY(parse_cpu_list(affinity->final, std::string(kField) + "final"));
    return {};
}

Result<> add_cpu_affinity(Builder& builder, const oci::Process& process) {
    CpuMask mask;
    // Without a word of the configuration's its cgroup alone decides, and not what the caller of
    // the runtime happened to be bound to.
    mask.fill(std::numeric_limits<std::uint64_t>::max());
    std::string what = "run on all processors of the cgroup";
    if (const auto& affinity = process.exec_cpu_affinity; affinity && !affinity->final.empty()) {
        mask = TRY(parse_cpu_list(affinity->final, "process.execCPUAffinity.final"));
        what = "run on the processors " + affinity->final + " (process.execCPUAffinity.final)";
    }
    std::uint32_t offset = builder.array(std::span<const std::uint64_t>(mask));
    shim::Op& op = builder.add(OpKind::cpu_affinity, what);
    op.s1 = offset;
    op.a = sizeof mask;
    return {};
}

}  // namespace crank::runtime
