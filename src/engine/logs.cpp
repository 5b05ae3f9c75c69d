#include "engine/logs.h"

#include <array>
#include <ctime>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/poll.h"
#include "sys/system.h"
#include "sys/watch.h"

namespace crank::engine {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxRotated = 64;
// inotify tells of every change; this is for file systems that do not have it, and for the end.
constexpr milliseconds kLookAgain(500);
constexpr std::size_t kBlock = 65536;

// Takes bytes as they come and hands out whole lines.
class LineReader {
public:
    explicit LineReader(sys::UniqueFd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    // To the present end of the file. What has no newline yet waits for the next time.
    Result<> read(const std::function<Result<>(std::string_view)>& line) {
        std::array<char, kBlock> block;
        while (true) {
            std::optional<std::size_t> n = TRY(sys::read_some(fd_.get(), block));
            if (!n || *n == 0) return {};
            rest_.append(block.data(), *n);
            std::size_t begin = 0, end;
            while ((end = rest_.find('\n', begin)) != std::string::npos) {
                TRY(line(std::string_view(rest_).substr(begin, end - begin)));
                begin = end + 1;
            }
            rest_.erase(0, begin);
        }
    }

private:
    sys::UniqueFd fd_;
    std::string rest_;
};

Result<std::optional<LineReader>> open_log(const std::string& path) {
    Result<sys::UniqueFd> fd = sys::open(path, sys::kReadOnly | sys::kNoFollow);
    if (fd) return std::optional(LineReader(std::move(*fd)));
    if (fd.error().code() == Code::not_found) return std::optional<LineReader>();
    return fail(std::move(fd).error());
}

// The rotated files that exist now, oldest first, and the present one last. They are opened
// together: a rotation while they are read neither loses nor doubles a line.
Result<std::vector<LineReader>> open_all(const std::string& path) {
    std::vector<LineReader> files;
    auto present = TRY(open_log(path));
    if (present) files.push_back(std::move(*present));
    for (int i = 1; i < kMaxRotated; ++i) {
        auto older = TRY(open_log(path + "." + std::to_string(i)));
        if (!older) break;
        files.insert(files.begin(), std::move(*older));
    }
    return files;
}

std::string format_ns(std::int64_t ns) {
    return format_time(std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(ns))));
}

class Query {
public:
    Query(const LogQuery& query, const LogSink& sink) : query_(query), sink_(sink) {}

    Result<> operator()(std::string_view text) {
        std::optional<LogLine> line = parse_log_line(text);
        if (!line) return {};
        // Times of one form compare as texts.
        if (!query_.since.empty() && line->time < query_.since) return {};
        if (!query_.until.empty() && line->time > query_.until) return {};
        if (!holding_) return sink_(*line);
        held_.emplace_back(text);
        return {};
    }
    // Nothing that is written from `now` on is wanted.
    bool is_over(const std::string& now) const {
        return !query_.until.empty() && now > query_.until;
    }
    // With a tail: nothing is handed out until the end of what is there is known.
    void hold() { holding_ = true; }
    Result<> release(std::size_t lines) {
        holding_ = false;
        std::size_t begin = held_.size(), seen = 0;
        while (begin > 0) {
            if (parse_log_line(held_[begin - 1])->full && ++seen > lines) break;
            --begin;
        }
        if (lines == 0) begin = held_.size();
        for (; begin < held_.size(); ++begin) TRY(sink_(*parse_log_line(held_[begin])));
        held_.clear();
        return {};
    }

private:
    const LogQuery& query_;
    const LogSink& sink_;
    bool holding_ = false;
    std::vector<std::string> held_;
};

// What is there now: its files, read to their ends.
Result<std::vector<LineReader>> read_present(const std::string& path, const LogQuery& query,
                                             Query& filter) {
    if (query.tail) filter.hold();
    std::vector<LineReader> files = TRY(open_all(path));
    for (LineReader& file : files)
        TRY(file.read([&](std::string_view line) { return filter(line); }));
    if (query.tail) TRY(filter.release(*query.tail));
    return files;
}

bool same_file(const std::string& path, int fd) {
    Result<sys::FileInfo> there = sys::stat(path), here = sys::stat_fd(fd, path);
    return there && here && there->inode == here->inode && there->device == here->device;
}

// Until the worker has ended and everything it wrote has been read.
Result<> follow(const Paths& paths, const Container& container, std::optional<LineReader> file,
                Query& query, int stop_fd) {
    const std::string path = log_path(paths, container.record.id);
    auto each = [&](std::string_view line) { return query(line); };
    sys::DirWatch watch = TRY(sys::DirWatch::open());
    (void)watch.add(paths.container(container.record.id));
    (void)watch.add(paths.monitor(container.record.id));
    while (true) {
        watch.drain();
        // Asked before reading: what it wrote before its end is then read below.
        Result<State> state = look(paths, container.record.id);
        // One that waits for a start by somebody has nothing to say until then.
        bool ended = !state || is_at_rest(*state);
        bool over = query.is_over(format_ns(sys::wall_clock_ns()));
        if (file) TRY(file->read(each));
        if (!file || !same_file(path, file->fd())) {
            auto next = TRY(open_log(path));
            if (next) {
                file = std::move(next);
                continue;
            }
        }
        if (ended || over) return {};
        std::array<sys::PollEntry, 2> entries = {
            sys::PollEntry{.fd = watch.fd(), .want_read = true},
            sys::PollEntry{.fd = stop_fd, .want_read = true}};
        TRY(sys::poll(entries, kLookAgain));
        if (entries[1].readable || entries[1].hung_up) return {};
    }
}

}  // namespace

std::optional<LogLine> parse_log_line(std::string_view line) {
    LogLine parsed;
    std::size_t first = line.find(' ');
    if (first == std::string_view::npos || first < 20) return std::nullopt;
    parsed.time = line.substr(0, first);
    std::string_view rest = line.substr(first + 1);
    if (rest.starts_with("stdout "))
        parsed.stream = Stream::out;
    else if (rest.starts_with("stderr "))
        parsed.stream = Stream::err;
    else
        return std::nullopt;
    rest.remove_prefix(7);
    if (rest.size() < 2 || (rest[0] != 'F' && rest[0] != 'P') || rest[1] != ' ')
        return std::nullopt;
    parsed.full = rest[0] == 'F';
    parsed.text = rest.substr(2);
    return parsed;
}

namespace {

// "2026-01-02T03:04:05.006+01:00", as date --iso-8601 writes it (a comma before the fraction, too).
std::optional<std::string> with_offset(std::string_view text) {
    constexpr std::size_t kOffset = 6, kSeconds = 19;
    if (text.size() < kSeconds + kOffset) return std::nullopt;
    std::string_view zone = text.substr(text.size() - kOffset);
    auto hours = parse_int(zone.substr(1, 2)), minutes = parse_int(zone.substr(4));
    if ((zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !hours || !minutes)
        return std::nullopt;
    tm parts{};
    std::string seconds(text.substr(0, kSeconds));
    const char* end = strptime(seconds.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == nullptr || *end != 0) return std::nullopt;
    std::string_view fraction = text.substr(kSeconds, text.size() - kSeconds - kOffset);
    std::int64_t ns = 0, unit = 100'000'000;
    bool fits = fraction.empty() || fraction[0] == '.' || fraction[0] == ',';
    for (char c : fraction.substr(fraction.empty() ? 0 : 1)) {
        fits = fits && c >= '0' && c <= '9';
        ns += (c - '0') * unit;
        unit /= 10;
    }
    if (!fits) return std::nullopt;
    std::int64_t offset = (*hours * 60 + *minutes) * 60 * (zone[0] == '-' ? -1 : 1);
    return format_ns((timegm(&parts) - offset) * 1'000'000'000 + ns);
}

}  // namespace

Result<std::string> parse_log_time(std::string_view text, std::int64_t now_ns) {
    if (auto seconds = parse_int(text)) return format_ns(*seconds * 1'000'000'000);
    // "-5s" is in the future, as for Docker.
    bool ahead = text.starts_with('-');
    if (auto back = parse_duration(text.substr(ahead ? 1 : 0)))
        return format_ns(ahead ? now_ns + back->count() : now_ns - back->count());
    if (auto zoned = with_offset(text)) return *zoned;
    tm parts{};
    std::string copy(text);
    for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"}) {
        const char* end = strptime(copy.c_str(), form, &parts);
        if (end != nullptr && *end == 0) return format_ns(timegm(&parts) * 1'000'000'000);
        parts = {};
    }
    // With a fraction it is what a log line says.
    if (copy.size() >= 22 && copy[19] == '.' && copy.back() == 'Z') return copy;
    return fail(Error(Code::invalid_argument, "invalid time \"" + copy + "\"")
                    .with_hint("2026-01-02T03:04:05Z, 2026-01-02, a Unix time, or 10m for ten "
                               "minutes ago"));
}

std::string log_path(const Paths& paths, const std::string& id) {
    return paths.container(id) + "/log";
}

std::vector<std::string> log_files(const std::string& path) {
    std::vector<std::string> files;
    if (sys::exists(path)) files.push_back(path);
    for (int i = 1; i < kMaxRotated; ++i) {
        std::string older = path + "." + std::to_string(i);
        if (!sys::exists(older)) break;
        files.push_back(std::move(older));
    }
    return files;
}

Result<> read_ended_log(const std::string& path, const LogQuery& query, const LogSink& sink) {
    Query filter(query, sink);
    TRY(read_present(path, query, filter));
    return {};
}

Result<> read_logs(const Paths& paths, const Container& container, const LogQuery& query,
                   const LogSink& sink) {
    if (container.record.settings.log_driver == kNoLog)
        return fail(Error(Code::failed_precondition,
                          "container " + shown_name(container.record) +
                              " keeps no log: it was made with --log-driver none")
                        .with_hint("crank attach " + shown_name(container.record)));
    Query filter(query, sink);
    std::vector<LineReader> files =
        TRY(read_present(log_path(paths, container.record.id), query, filter));
    if (!query.follow) return {};
    if (query.on_follow) query.on_follow();
    std::optional<LineReader> last;
    if (!files.empty()) last = std::move(files.back());
    return follow(paths, container, std::move(last), filter, query.stop_fd);
}

}  // namespace crank::engine
