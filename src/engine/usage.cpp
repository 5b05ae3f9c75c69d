#include "engine/usage.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "engine/processes.h"
#include "engine/words.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

std::int64_t number(const std::vector<std::string>& words, std::size_t at) {
    return at < words.size() ? parse_int(words[at]).value_or(0) : 0;
}

// Cached pages of files that nobody has touched for long are given up before anything else.
std::int64_t idle_cache(const std::string& group, const runtime::HostFacts& host) {
    bool v2 = host.cgroup_mode == runtime::CgroupMode::v2;
    std::string_view name = v2 ? "inactive_file" : "total_inactive_file";
    Result<std::string> text = sys::read_file(group + "/memory.stat", kMaxFile);
    if (!text) return 0;
    for (const std::string& line : split(*text, '\n')) {
        std::vector<std::string> words = words_of(line);
        if (words.size() == 2 && words[0] == name) return number(words, 1);
    }
    return 0;
}

// Where blocks are counted for no group: what its processes that live have read and written.
BlockBytes of_processes(const std::vector<pid_t>& pids) {
    BlockBytes sum;
    for (pid_t pid : pids) {
        Result<std::string> text = sys::read_file("/proc/" + std::to_string(pid) + "/io", 4096);
        if (!text) continue;
        for (const std::string& line : split(*text, '\n')) {
            std::vector<std::string> words = words_of(line);
            if (words.size() != 2) continue;
            if (words[0] == "read_bytes:") sum.read += number(words, 1);
            if (words[0] == "write_bytes:") sum.written += number(words, 1);
        }
    }
    return sum;
}

BlockBytes block_bytes(const Container& container, const runtime::HostFacts& host) {
    const std::string& path = container.record.cgroups_path;
    std::string group = runtime::group_dir("blkio", path, host);
    bool v2 = host.cgroup_mode == runtime::CgroupMode::v2;
    Result<std::string> text =
        sys::read_file(group + (v2 ? "/io.stat" : "/blkio.throttle.io_service_bytes"), kMaxFile);
    if (!group.empty() && text) return v2 ? parse_io_stat(*text) : parse_blkio(*text);
    return of_processes(processes_of(container, host).value_or(std::vector<pid_t>()));
}

}  // namespace

NetBytes parse_net_dev(std::string_view text) {
    NetBytes sum;
    for (const std::string& line : split(text, '\n')) {
        std::size_t colon = line.find(':');
        if (colon == std::string::npos || trim(line.substr(0, colon)) == "lo") continue;
        std::vector<std::string> words = words_of(line.substr(colon + 1));
        sum.received += number(words, 0);
        sum.sent += number(words, 8);
    }
    return sum;
}

BlockBytes parse_io_stat(std::string_view text) {
    BlockBytes sum;
    for (const std::string& line : split(text, '\n'))
        for (const std::string& word : words_of(line)) {
            if (word.starts_with("rbytes=")) sum.read += parse_int(word.substr(7)).value_or(0);
            if (word.starts_with("wbytes=")) sum.written += parse_int(word.substr(7)).value_or(0);
        }
    return sum;
}

BlockBytes parse_blkio(std::string_view text) {
    BlockBytes sum;
    for (const std::string& line : split(text, '\n')) {
        std::vector<std::string> words = words_of(line);
        if (words.size() != 3) continue;
        if (words[1] == "Read") sum.read += number(words, 2);
        if (words[1] == "Write") sum.written += number(words, 2);
    }
    return sum;
}

Result<Usage> usage_of(const Container& container, const runtime::HostFacts& host) {
    const Record& record = container.record;
    if (container.state.pid <= 0)
        return fail(Code::failed_precondition,
                    "container " + shown_name(record) + " is not running");
    if (record.cgroups_path.empty())
        return fail(Code::unsupported,
                    "container " + shown_name(record) + " has no cgroup that counts what it uses");
    runtime::CgroupUsage group = TRY(runtime::read_usage(record.cgroups_path, host));
    std::string memory = runtime::group_dir("memory", record.cgroups_path, host);
    Usage usage{
        .at_ns = sys::monotonic_clock_ns(),
        .cpu_ns = group.cpu_usage_ns,
        .memory = std::max<std::int64_t>(group.memory_current - idle_cache(memory, host), 0),
        .memory_limit =
            record.memory > 0 ? std::min(record.memory, host.memory_total) : host.memory_total,
        .pids = group.pids,
        .received = {},
        .sent = {},
        .read = {},
        .written = {}};
    if (record.kind == Kind::container && record.network.mode != "host") {
        Result<std::string> devices =
            sys::read_file("/proc/" + std::to_string(container.state.pid) + "/net/dev", kMaxFile);
        if (devices) {
            NetBytes net = parse_net_dev(*devices);
            usage.received = net.received;
            usage.sent = net.sent;
        }
    }
    BlockBytes block = block_bytes(container, host);
    usage.read = block.read;
    usage.written = block.written;
    return usage;
}

}  // namespace crank::engine
