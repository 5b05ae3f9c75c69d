// What happened to containers and images, without a daemon that would know: a file to which whoever
// does something adds a line, and which `crank events` reads (docs/decisions/0037).
//
// STATE/events holds JSON lines: {"time": ns since 1970, "type": "container" or "image", "action":
// "start", "id": ..., "attributes": {...}}. Commands add what they do; monitors, which have no JSON
// of their own to read, add start, oom, die and destroy of their container (shim/records.h). Past
// kMaxEventFile bytes it becomes events.1, and what was that is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"

namespace crank::engine {

inline constexpr std::int64_t kMaxEventFile = std::int64_t{1} << 20;

struct Event {
    std::int64_t time_ns = 0;  // CLOCK_REALTIME
    std::string type, action, id;
    std::map<std::string, std::string> attributes;  // "name", "image", "exitCode", labels
    bool operator==(const Event&) const = default;
};
std::string serialize(const Event& event);
// Nothing for what is no such line (a write that a full disk cut short).
std::optional<Event> parse_event(std::string_view line);

// Best effort, and now: nothing fails because it could not be told.
void note_event(const Paths& paths, Event event);
void note_container(const Paths& paths, const Record& record, std::string action,
                    std::map<std::string, std::string> more = {});
void note_image(const Paths& paths, const std::string& id, std::string action,
                const std::string& name);

struct EventQuery {
    std::int64_t since_ns = 0;             // from this on
    std::optional<std::int64_t> until_ns;  // before this; nothing: for ever
};
// In the order they were written, those of the past first; of a container each has the name, image
// and labels that are known of it. Returns once `until_ns` has passed. Errors of the sink end it.
using EventSink = std::function<Result<>(const Event&)>;
Result<> read_events(const Paths& paths, const EventQuery& query, const EventSink& sink);

}  // namespace crank::engine
