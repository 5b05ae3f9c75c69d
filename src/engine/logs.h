// The log of a worker: what its monitor wrote (the CRI log format: Kubernetes' "CRI log format",
// TIME STREAM TAG TEXT), rotated as path, path.1, ..., the highest the oldest.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::engine {

enum class Stream : std::uint8_t { out, err };

struct LogLine {
    std::string_view time;  // RFC 3339 with nanoseconds, UTC
    Stream stream = Stream::out;
    bool full = true;       // a line ends behind it; false: it goes on in the stream's next one
    std::string_view text;  // without the newline
};
// Nothing for what is no line of a log (a write that a full disk cut short).
std::optional<LogLine> parse_log_line(std::string_view line);

struct LogQuery {
    bool follow = false;
    std::optional<std::size_t> tail;  // the last so many lines; nothing: all
    int stop_fd = -1;                 // with follow: ends it once this is readable; not owned
    // With follow: what is there has been read, and what comes from now on is handed out.
    std::function<void()> on_follow = {};
    std::string since, until;  // times as in LogLine, compared as text; empty: no bound
};
// "2026-01-02T03:04:05Z", "2026-01-02", a Unix time, or a duration back from `now_ns` ("10m").
// Error: invalid_argument.
Result<std::string> parse_log_time(std::string_view text, std::int64_t now_ns);

// Errors of the sink end the reading.
using LogSink = std::function<Result<>(const LogLine&)>;
Result<> read_logs(const Paths& paths, const Container& container, const LogQuery& query,
                   const LogSink& sink);

std::string log_path(const Paths& paths, const std::string& id);
// The files of the log that has its newest one at `path`: those that are there, the newest first.
std::vector<std::string> log_files(const std::string& path);
// The log at `path`, which nobody writes to any more: `follow` means nothing.
Result<> read_ended_log(const std::string& path, const LogQuery& query, const LogSink& sink);

}  // namespace crank::engine
