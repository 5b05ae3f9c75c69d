// What a container has used of what it may use: now where it runs, in the end where it ended.
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/describe.h"
#include "engine/reason.h"
#include "runtime/host.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;

// As the monitor recorded it, or as the cgroup says now.
runtime::EndFacts facts_of(const engine::Container& container, std::int64_t& memory_now,
                           std::int64_t& pids_now) {
    if (container.state.end) return *container.state.end;
    runtime::EndFacts facts;
    bool running = container.state.status == engine::Status::running;
    if (!running || container.record.cgroups_path.empty()) return facts;
    Result<runtime::HostFacts> host = runtime::probe_host();
    if (!host) return facts;
    Result<runtime::CgroupUsage> usage = runtime::read_usage(container.record.cgroups_path, *host);
    if (!usage) return facts;
    memory_now = usage->memory_current;
    pids_now = usage->pids;
    facts.oom_kills = usage->oom_kills;
    facts.limit_hits = usage->limit_hits;
    facts.memory_peak = usage->memory_peak;
    facts.periods = usage->periods;
    facts.throttled_periods = usage->throttled_periods;
    facts.throttled_ns = usage->throttled_ns;
    facts.cpu_ns = usage->cpu_usage_ns;
    facts.pids_refused = usage->pids_refused;
    return facts;
}

void add_part(std::string& text, const std::string& part) {
    text += (text.empty() ? "" : ", ") + part;
}

std::string count_text(std::int64_t count) {
    return count == 1 ? "once" : std::to_string(count) + " times";
}

Json memory_of(const engine::Record& record, const runtime::EndFacts& facts, std::int64_t now) {
    std::string text;
    if (record.memory > 0) add_part(text, "limit " + format_size_binary(record.memory));
    if (now > 0) add_part(text, "now " + format_size_binary(now));
    if (facts.memory_peak.value_or(0) > 0)
        add_part(text, "peak " + format_size_binary(*facts.memory_peak));
    if (record.memory > 0 && facts.limit_hits.value_or(0) > 0)
        add_part(text, "the limit was met " + count_text(*facts.limit_hits));
    if (facts.oom_kills.value_or(0) > 0)
        add_part(text, std::to_string(*facts.oom_kills) + " killed for want of it");
    Json killed = Json::array();
    for (const runtime::Victim& victim : facts.killed)
        killed.push_back(
            {{"Pid", victim.pid}, {"Name", victim.name}, {"OwnLimit", victim.own_limit}});
    return {{"Text", text},
            {"Limit", record.memory},
            {"Now", now},
            {"Peak", facts.memory_peak.value_or(0)},
            {"LimitHits", facts.limit_hits.value_or(0)},
            {"OOMKills", facts.oom_kills.value_or(0)},
            {"Killed", std::move(killed)}};
}

std::string cpus_text(std::int64_t nano_cpus) {
    std::int64_t hundredths = nano_cpus / (kNanosPerCpu / 100);
    std::string fraction = std::to_string(100 + hundredths % 100).substr(1);
    return std::to_string(hundredths / 100) + "." + fraction;
}

Json cpu_of(const engine::Record& record, const runtime::EndFacts& facts) {
    std::string text;
    if (record.nano_cpus > 0) add_part(text, "limit " + cpus_text(record.nano_cpus) + " CPUs");
    if (facts.cpu_ns) add_part(text, "used " + cpus_text(*facts.cpu_ns) + "s");
    std::string throttled = engine::throttling_text(facts.throttled_periods.value_or(0),
                                                    facts.periods, facts.throttled_ns.value_or(0));
    if (!throttled.empty()) add_part(text, "held back in " + throttled);
    return {{"Text", text},
            {"Limit", record.nano_cpus},
            {"UsedNanos", facts.cpu_ns.value_or(0)},
            {"Periods", facts.periods.value_or(0)},
            {"ThrottledPeriods", facts.throttled_periods.value_or(0)},
            {"ThrottledNanos", facts.throttled_ns.value_or(0)}};
}

Json pids_of(const engine::Record& record, const runtime::EndFacts& facts, std::int64_t now) {
    std::string text;
    if (now > 0) add_part(text, std::to_string(now) + " now");
    if (facts.pids_refused.value_or(0) > 0) {
        add_part(text, "limit " + std::to_string(record.pids_limit));
        add_part(text, "refused " + count_text(*facts.pids_refused));
    }
    return {{"Text", text},
            {"Limit", record.pids_limit},
            {"Now", now},
            {"Refused", facts.pids_refused.value_or(0)}};
}

}  // namespace

Json describe_figures(const engine::Container& container) {
    std::int64_t memory_now = 0, pids_now = 0;
    runtime::EndFacts facts = facts_of(container, memory_now, pids_now);
    return {{"Memory", memory_of(container.record, facts, memory_now)},
            {"Cpu", cpu_of(container.record, facts)},
            {"Pids", pids_of(container.record, facts, pids_now)}};
}

}  // namespace crank::cli
