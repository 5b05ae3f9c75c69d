#include "runtime/end.h"

#include <functional>
#include <limits>
#include <map>

#include "base/text.h"
#include "sys/file.h"

namespace crank::runtime {
namespace {

constexpr std::size_t kMaxEnd = 4096;  // bytes; what the monitor writes at most
constexpr std::string_view kFirstLine = "crank-end 1";

using Words = std::vector<std::string>;

std::int64_t number(const Words& words, std::size_t index) {
    if (index >= words.size()) return 0;
    return parse_int(words[index]).value_or(0);
}

constexpr std::int64_t kNanosPerMicro = 1000;

std::optional<std::int64_t> nanos(std::int64_t micros) {
    if (micros > std::numeric_limits<std::int64_t>::max() / kNanosPerMicro) return std::nullopt;
    return micros * kNanosPerMicro;
}

using Reader = std::function<void(EndFacts&, const Words&)>;

void read_ints(std::map<std::string_view, Reader>& readers) {
    readers["status"] = [](EndFacts& f, const Words& w) {
        f.status = static_cast<int>(number(w, 1));
    };
    readers["worker_known"] = [](EndFacts& f, const Words& w) {
        f.worker_known = number(w, 1) != 0;
    };
    readers["first_pid"] = [](EndFacts& f, const Words& w) {
        f.first_pid = static_cast<int>(number(w, 1));
    };
    readers["worker_pid"] = [](EndFacts& f, const Words& w) {
        f.worker_pid = static_cast<int>(number(w, 1));
    };
    readers["caller_signal"] = [](EndFacts& f, const Words& w) {
        f.caller_signal = static_cast<int>(number(w, 1));
    };
    readers["passed_signal"] = [](EndFacts& f, const Words& w) {
        f.passed_signal = static_cast<int>(number(w, 1));
        f.passed_from_inside = number(w, 2) != 0;
    };
}

void read_counters(std::map<std::string_view, Reader>& readers) {
    auto counter = [&](std::string_view name, std::optional<std::int64_t> EndFacts::* field) {
        readers[name] = [field](EndFacts& f, const Words& w) { f.*field = number(w, 1); };
    };
    counter("oom_kills", &EndFacts::oom_kills);
    counter("limit_hits", &EndFacts::limit_hits);
    counter("memory_peak", &EndFacts::memory_peak);
    counter("periods", &EndFacts::periods);
    counter("throttled_periods", &EndFacts::throttled_periods);
    counter("throttled_ns", &EndFacts::throttled_ns);
    counter("cpu_ns", &EndFacts::cpu_ns);
    counter("pids_refused", &EndFacts::pids_refused);
    readers["throttled_us"] = [](EndFacts& f, const Words& w) {
        f.throttled_ns = nanos(number(w, 1));
    };
    readers["cpu_us"] = [](EndFacts& f, const Words& w) { f.cpu_ns = nanos(number(w, 1)); };
}

void read_findings(std::map<std::string_view, Reader>& readers) {
    readers["killed"] = [](EndFacts& f, const Words& w) {
        std::string name;
        for (std::size_t i = 3; i < w.size(); ++i) name += (i > 3 ? " " : "") + w[i];
        f.killed.push_back({static_cast<int>(number(w, 1)), number(w, 2) != 0, std::move(name)});
    };
    readers["denied"] = [](EndFacts& f, const Words& w) {
        f.denied =
            DeniedCall{static_cast<long>(number(w, 1)), static_cast<std::uint32_t>(number(w, 2))};
    };
}

}  // namespace

Result<EndFacts> parse_end(std::string_view text) {
    std::vector<std::string> lines = split(text, '\n');
    if (lines.front() != kFirstLine)
        return fail(Code::corrupt, "the record of a container's end begins with \"" +
                                       lines.front() + "\", not with \"" + std::string(kFirstLine) +
                                       "\"");
    std::map<std::string_view, Reader> readers;
    read_ints(readers);
    read_counters(readers);
    read_findings(readers);
    EndFacts facts;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        Words words = split(lines[i], ' ');
        if (auto reader = readers.find(words.front()); reader != readers.end())
            reader->second(facts, words);
    }
    return facts;
}

Result<EndFacts> read_end(const std::string& state_dir) {
    std::string path = state_dir + "/end";
    return TRY_IN(parse_end(TRY(sys::read_file(path, kMaxEnd))), path);
}

}  // namespace crank::runtime
