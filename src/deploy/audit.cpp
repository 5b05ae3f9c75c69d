#include "deploy/audit.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "compose/load.h"
#include "deploy/json_fields.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/stream.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;
using End = AuditEntry::End;

constexpr std::size_t kMostBytes = 2 * kMaxAuditFile;  // read of a file

std::string_view word_of(End end) {
    switch (end) {
        case End::none: return "";
        case End::good: return "good";
        case End::failed: return "failed";
    }
    return "";
}

std::string directory(const engine::Paths& paths) { return paths.root + "/audit"; }

Result<std::string> file_of(const engine::Paths& paths, const std::string& project) {
    return directory(paths) + "/" + TRY(compose::check_project_name(project));
}

}  // namespace

std::string serialize(const AuditEntry& entry) {
    Json json{{"id", entry.id}, {"at", entry.at_ns}};
    add_who(json, entry.who);
    json.update(Json{{"what", entry.what},
                     {"message", entry.message},
                     {"before", entry.before},
                     {"after", entry.after},
                     {"end", word_of(entry.end)},
                     {"error", entry.error}});
    // What a person typed may be no UTF-8.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<AuditEntry> parse_audit_entry(std::string_view line) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded() || !json.is_object() || text_at(json, "id").empty())
        return std::nullopt;
    AuditEntry entry{.id = text_at(json, "id"),
                     .at_ns = number_at(json, "at"),
                     .who = who_at(json),
                     .what = text_at(json, "what"),
                     .message = text_at(json, "message"),
                     .before = number_at(json, "before"),
                     .after = number_at(json, "after"),
                     .error = text_at(json, "error")};
    for (End end : {End::good, End::failed})
        if (text_at(json, "end") == word_of(end)) entry.end = end;
    return entry;
}

std::vector<AuditEntry> entries_of(std::string_view lines) {
    std::vector<AuditEntry> entries;
    std::map<std::string, std::size_t> places;
    for (const std::string& line : split(lines, '\n')) {
        std::optional<AuditEntry> entry = parse_audit_entry(line);
        if (!entry) continue;
        auto [place, is_new] = places.emplace(entry->id, entries.size());
        if (is_new)
            entries.push_back(std::move(*entry));
        else
            entries[place->second] = std::move(*entry);
    }
    return entries;
}

namespace {

// The line of one that could not write all of its own is left to itself.
Result<bool> is_torn(int file, const std::string& path) {
    sys::FileInfo info = TRY(sys::stat_fd(file, path));
    if (!info.is_regular() || info.size == 0) return false;
    std::array<std::uint8_t, 1> last = {'\n'};
    (void)TRY(sys::read_some_at(file, info.size - 1, last, path));
    return last[0] != '\n';
}

Result<> sync_directory(const engine::Paths& paths) {
    sys::UniqueFd dir = TRY(sys::open_dir(directory(paths)));
    return sys::sync(dir.get(), directory(paths));
}

}  // namespace

Result<> add_audit_entry(const engine::Paths& paths, const std::string& project,
                         const AuditEntry& entry, sys::Sync sync) {
    std::string path = TRY(file_of(paths, project));
    TRY(sys::make_dirs(directory(paths), 0700));
    // Two commands may end at once, and one of them may turn the file over.
    sys::UniqueFd lock = TRY(sys::lock_file(directory(paths) + "/.lock", sys::LockMode::exclusive));
    Result<sys::FileInfo> before = sys::lstat(path);
    bool full = before && before->is_regular() && before->size >= kMaxAuditFile;
    if (full) TRY(sys::rename(path, path + ".1"));
    int flags = sys::kReadWrite | sys::kAppend | sys::kCreate | sys::kNoFollow;
    sys::UniqueFd file = TRY(sys::open(path, flags, 0600));
    std::string begin = TRY(is_torn(file.get(), path)) ? "\n" : "";
    TRY(sys::write_all(file.get(), begin + serialize(entry) + "\n", path));
    if (sync == sys::Sync::no) return {};
    TRY(sys::sync(file.get(), path));
    return sync_directory(paths);
}

Result<std::vector<AuditEntry>> list_audit(const engine::Paths& paths, const std::string& project) {
    std::string path = TRY(file_of(paths, project)), lines;
    // Both as they are before or after a turn, never between.
    std::optional<sys::UniqueFd> lock;
    if (sys::exists(directory(paths)))
        lock = TRY(sys::lock_file(directory(paths) + "/.lock", sys::LockMode::shared));
    for (const std::string& one : {path + ".1", path}) {
        Result<std::string> text = sys::read_file(one, kMostBytes);
        if (!text && text.error().code() == Code::not_found) continue;
        lines += TRY(std::move(text));
        if (!lines.ends_with('\n')) lines += '\n';
    }
    return entries_of(lines);
}

}  // namespace crank::deploy
