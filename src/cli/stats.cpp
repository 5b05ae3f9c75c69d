#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/usage.h"
#include "runtime/host.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
using Samples = std::map<std::string, engine::Usage>;  // by id

constexpr int kStdout = 1;
constexpr std::chrono::milliseconds kInterval(1000), kFirstInterval(500);

constexpr Flag kFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also those that have ended"},
    {"no-stream", 0, FlagKind::boolean, "", "once, and not again and again"},
    {"no-trunc", 0, FlagKind::boolean, "", "nothing is shortened"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.CPUPerc}}"},
};
constexpr std::string_view kExamples[] = {
    "crank stats", "crank stats --no-stream --format '{{.Name}} {{.MemUsage}}' mail"};
constexpr Column kColumns[] = {
    {"ID", "CONTAINER ID"},
    {"Name", "NAME"},
    {"CPUPerc", "CPU %"},
    {"MemUsage", "MEM USAGE / LIMIT"},
    {"MemPerc", "MEM %"},
    {"NetIO", "NET I/O"},
    {"BlockIO", "BLOCK I/O"},
    {"PIDs", "PIDS"},
    {"Container", "CONTAINER", false},
};

std::string percent(double part, double whole) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f%%", whole > 0 ? 100 * part / whole : 0.0);
    return text;
}

std::string pair_of(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) {
    if (!a || !b) return "-- / --";
    return format_size(*a) + " / " + format_size(*b);
}

Json row_of(const engine::Container& container, const engine::Usage* now,
            const engine::Usage* before, bool whole) {
    const engine::Record& record = container.record;
    std::string id = whole ? record.id : record.id.substr(0, engine::kShortIdLength);
    Json row = {{"ID", id}, {"Name", record.name}, {"Container", id}};
    if (now == nullptr) {
        for (const char* field : {"CPUPerc", "MemPerc", "PIDs"}) row[field] = "--";
        for (const char* field : {"MemUsage", "NetIO", "BlockIO"}) row[field] = "-- / --";
        return row;
    }
    double cpu = before == nullptr ? 0 : static_cast<double>(now->cpu_ns - before->cpu_ns);
    double time = before == nullptr ? 0 : static_cast<double>(now->at_ns - before->at_ns);
    row["CPUPerc"] = percent(cpu, time);
    row["MemUsage"] =
        format_size_binary(now->memory) + " / " + format_size_binary(now->memory_limit);
    row["MemPerc"] =
        percent(static_cast<double>(now->memory), static_cast<double>(now->memory_limit));
    row["NetIO"] = pair_of(now->received, now->sent);
    row["BlockIO"] = pair_of(now->read, now->written);
    row["PIDs"] = std::to_string(now->pids);
    return row;
}

Result<std::vector<engine::Container>> wanted(const Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::vector<engine::Container> containers;
    for (const std::string& name : arguments.words())
        containers.push_back(TRY(engine::find(invocation.paths, name)));
    if (!containers.empty()) return containers;
    for (engine::Container& container : TRY(engine::list(invocation.paths)))
        if (arguments.on("all") || container.state.pid > 0)
            containers.push_back(std::move(container));
    return containers;
}

// One that ends meanwhile, or that nothing counts, has no sample.
Samples sample(const std::vector<engine::Container>& containers, const runtime::HostFacts& host) {
    Samples samples;
    for (const engine::Container& container : containers)
        if (Result<engine::Usage> usage = engine::usage_of(container, host))
            samples[container.record.id] = *usage;
    return samples;
}

const engine::Usage* in(const Samples& samples, const std::string& id) {
    auto found = samples.find(id);
    return found == samples.end() ? nullptr : &found->second;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    bool once = arguments.on("no-stream"), redraw = sys::is_terminal(kStdout);
    runtime::HostFacts host = TRY(runtime::probe_host());
    if (!once) flush_each_line();
    // How much of the processors is a difference: the first look shows nothing yet.
    Samples before = sample(TRY(wanted(invocation)), host);
    std::chrono::milliseconds interval = kFirstInterval;
    while (true) {
        std::this_thread::sleep_for(interval);
        std::vector<engine::Container> containers = TRY(wanted(invocation));
        Samples now = sample(containers, host);
        std::vector<Json> rows;
        for (const engine::Container& container : containers) {
            const std::string& id = container.record.id;
            rows.push_back(
                row_of(container, in(now, id), in(before, id), arguments.on("no-trunc")));
        }
        std::string text = TRY(format_list(arguments.value("format"), kColumns, rows));
        print((redraw && !once ? "\033[2J\033[H" : "") + text);
        if (once) return 0;
        before = std::move(now);
        interval = kInterval;
    }
}

}  // namespace

constinit const Verb kStats = {
    .name = "stats",
    .summary = "show what containers use: processors, memory, network, disk",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[CONTAINER...]"},
    .examples = kExamples,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
