#include "engine/events.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/state.h"
#include "sys/attributes.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/system.h"
#include "sys/watch.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;
using Attributes = std::map<std::string, std::string>;

constexpr std::size_t kMaxLine = std::size_t{64} << 10, kMaxKnown = 4096;
constexpr std::chrono::milliseconds kLookAgain(500);

std::string file_of(const Paths& paths) { return paths.state + "/events"; }

Result<sys::UniqueFd> open_to_add(const Paths& paths) {
    int flags = sys::kWriteOnly | sys::kAppend | sys::kCreate | sys::kNoFollow;
    Result<sys::UniqueFd> file = sys::open(file_of(paths), flags, 0600);
    if (file || file.error().code() != Code::not_found) return file;
    TRY(sys::make_dirs(paths.state + "/containers", 0700));
    return sys::open(file_of(paths), flags, 0600);
}

// The old one stays whole under its new name, and there is no moment without a file: monitors make
// none.
Result<> turn_over(const Paths& paths) {
    auto lock = TRY(sys::try_lock_file(file_of(paths) + ".lock", sys::LockMode::exclusive));
    if (!lock) return {};
    if (TRY(sys::stat(file_of(paths))).size < kMaxEventFile) return {};
    std::string fresh = file_of(paths) + ".new";
    TRY(sys::open(fresh, sys::kWriteOnly | sys::kCreate | sys::kTruncate, 0600));
    std::string old = file_of(paths) + ".1";
    if (Result<> gone = sys::remove_file(old); !gone && gone.error().code() != Code::not_found)
        return gone;
    TRY(sys::hard_link_at(sys::kCwd, file_of(paths), sys::kCwd, old));
    return sys::rename(fresh, file_of(paths));
}

Attributes known_of(const Record& record) {
    Attributes attributes(record.labels.begin(), record.labels.end());
    attributes["name"] = record.name;
    attributes["image"] = record.image;
    return attributes;
}

// A file's lines as they come, at most kMaxLine each.
class Lines {
public:
    explicit Lines(sys::UniqueFd fd) : fd_(std::move(fd)) {}
    int fd() const { return fd_.get(); }
    Result<> read(const std::function<Result<>(std::string_view)>& each) {
        std::array<std::uint8_t, 16384> buffer;
        while (std::size_t n = TRY(sys::read_some(fd_.get(), buffer, "events"))) {
            rest_.append(reinterpret_cast<const char*>(buffer.data()), n);
            std::size_t begin = 0;
            for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos;
                 begin = end + 1)
                TRY(each(std::string_view(rest_).substr(begin, end - begin)));
            rest_.erase(0, begin);
            if (rest_.size() > kMaxLine) rest_.clear();
        }
        return {};
    }

private:
    sys::UniqueFd fd_;
    std::string rest_;
};

class Reader {
public:
    Reader(const Paths& paths, const EventQuery& query, const EventSink& sink)
        : paths_(paths), query_(query), sink_(sink) {}

    Result<> run() {
        // Heard from before the first look: nothing is missed between the two.
        std::optional<sys::DirWatch> watch = TRY(start_watch());
        if (Result<sys::UniqueFd> old = sys::open(file_of(paths_) + ".1", sys::kReadOnly))
            TRY(Lines(std::move(*old)).read([&](std::string_view line) { return take(line); }));
        while (true) {
            TRY(look());
            if (is_over()) return {};
            if (!watch) watch = TRY(start_watch());
            TRY(wait(watch));
        }
    }

private:
    bool is_over() const { return query_.until_ns && sys::wall_clock_ns() >= *query_.until_ns; }

    Result<std::optional<sys::DirWatch>> start_watch() {
        sys::DirWatch watch = TRY(sys::DirWatch::open());
        Result<> added = watch.add(paths_.state);
        if (added) return std::optional(std::move(watch));
        if (added.error().code() != Code::not_found) return fail(std::move(added).error());
        return std::optional<sys::DirWatch>();  // nothing has happened here yet
    }

    Result<> wait(std::optional<sys::DirWatch>& watch) {
        std::chrono::milliseconds most = watch ? std::chrono::milliseconds(-1) : kLookAgain;
        if (query_.until_ns) {
            std::int64_t left = (*query_.until_ns - sys::wall_clock_ns()) / 1'000'000 + 1;
            most = std::chrono::milliseconds(std::clamp<std::int64_t>(left, 0, kLookAgain.count()));
        }
        (void)TRY(sys::wait_readable(watch ? watch->fd() : -1, most));
        if (watch) watch->drain();
        return {};
    }

    // What is new in the file that is open, then in the one that has taken its name.
    Result<> look() {
        auto each = [&](std::string_view line) { return take(line); };
        if (lines_) TRY(lines_->read(each));
        Result<sys::UniqueFd> now = sys::open(file_of(paths_), sys::kReadOnly);
        if (!now && now.error().code() == Code::not_found) return {};
        if (!now) return fail(std::move(now).error());
        if (lines_ && TRY(sys::stat_fd(now->get(), "events")).inode ==
                          TRY(sys::stat_fd(lines_->fd(), "events")).inode)
            return {};
        lines_.emplace(std::move(*now));
        return lines_->read(each);
    }

    Result<> take(std::string_view line) {
        std::optional<Event> event = parse_event(line);
        if (!event) return {};
        if (event->type == "container") complete(*event);
        if (event->time_ns < query_.since_ns) return {};
        if (query_.until_ns && event->time_ns >= *query_.until_ns) return {};
        return sink_(*event);
    }

    // A monitor's line says no name: an earlier one does, or the record.
    void complete(Event& event) {
        auto known = known_.find(event.id);
        if (known == known_.end() && !event.attributes.contains("name")) {
            if (Result<Container> container = load(paths_, event.id))
                known = known_.emplace(event.id, known_of(container->record)).first;
        }
        if (known != known_.end())
            event.attributes.insert(known->second.begin(), known->second.end());
        if (event.action == "destroy")
            known_.erase(event.id);
        else if (event.action == "create" && known_.size() < kMaxKnown)
            known_[event.id] = event.attributes;
    }

    const Paths& paths_;
    const EventQuery& query_;
    const EventSink& sink_;
    std::optional<Lines> lines_;
    std::map<std::string, Attributes> known_;  // by id
};

}  // namespace

std::string serialize(const Event& event) {
    Json json = {{"time", event.time_ns},
                 {"type", event.type},
                 {"action", event.action},
                 {"id", event.id},
                 {"attributes", event.attributes}};
    // Labels and names of hostile images need not be UTF-8.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Event> parse_event(std::string_view line) {
    try {
        Json json = Json::parse(line);
        return Event{.time_ns = json.at("time"),
                     .type = json.at("type"),
                     .action = json.at("action"),
                     .id = json.at("id"),
                     .attributes = json.at("attributes")};
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

void note_event(const Paths& paths, Event event) {
    if (event.time_ns == 0) event.time_ns = sys::wall_clock_ns();
    std::string line = serialize(event);
    if (line.size() > kMaxLine) return;
    Result<sys::UniqueFd> file = open_to_add(paths);
    if (!file || !sys::write_all(file->get(), line, "events")) return;
    Result<sys::FileInfo> info = sys::stat_fd(file->get(), "events");
    if (info && info->size >= kMaxEventFile) (void)turn_over(paths);
}

void note_container(const Paths& paths, const Record& record, std::string action,
                    std::map<std::string, std::string> more) {
    more.merge(known_of(record));
    note_event(paths, {.time_ns = 0,
                       .type = "container",
                       .action = std::move(action),
                       .id = record.id,
                       .attributes = std::move(more)});
}

void note_image(const Paths& paths, const std::string& id, std::string action,
                const std::string& name) {
    note_event(paths, {.time_ns = 0,
                       .type = "image",
                       .action = std::move(action),
                       .id = id,
                       .attributes = {{"name", name}}});
}

Result<> read_events(const Paths& paths, const EventQuery& query, const EventSink& sink) {
    return Reader(paths, query, sink).run();
}

}  // namespace crank::engine
