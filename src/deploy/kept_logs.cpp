#include "deploy/kept_logs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "compose/service.h"
#include "deploy/desired.h"
#include "deploy/json_fields.h"
#include "deploy/plan.h"
#include "deploy/releases.h"
#include "engine/logs.h"
#include "engine/names.h"
#include "sys/file.h"
#include "sys/link.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxRecord = std::size_t{1} << 16;

std::string directory(const engine::Paths& paths, const std::string& project) {
    return paths.root + "/projects/" + project + "/logs";
}

Result<void> move_log(const std::vector<std::string>& files, const engine::Record& record,
                      const std::string& to) {
    TRY(sys::make_dirs(to, 0700));
    Json json = {{"name", place_name(record)},
                 {"service", label_of(record.labels, kServiceLabel)},
                 {"created", record.created_ns}};
    // First: a log that nobody can name is of no use.
    TRY(sys::write_file_atomic(to + "/container", json.dump(), 0600, sys::Sync::no));
    for (const std::string& file : files) TRY(sys::rename(file, to + file.substr(file.rfind('/'))));
    return {};
}

std::uint64_t size_of(const std::string& path) {
    std::uint64_t size = 0;
    for (const std::string& file : engine::log_files(path))
        if (Result<sys::FileInfo> info = sys::stat(file)) size += info->size;
    return size;
}

}  // namespace

std::string place_name(const engine::Record& record) {
    std::string name = engine::shown_name(record);
    return is_aside(record.id, name) ? name.substr(aside_name(record.id, "").size()) : name;
}

void keep_log(const engine::Paths& paths, const engine::Container& container) {
    const engine::Record& record = container.record;
    std::string project = label_of(record.labels, kProjectLabel);
    if (!compose::check_project_name(project)) return;
    std::string log = engine::log_path(paths, record.id);
    if (size_of(log) == 0) return;
    std::string to = directory(paths, project) + "/" + record.id;
    if (!move_log(engine::log_files(log), record, to)) (void)sys::remove_tree(to);
}

std::vector<KeptLog> kept_logs(const engine::Paths& paths, const std::string& project) {
    std::vector<KeptLog> logs;
    std::string dir = directory(paths, project);
    Result<std::vector<std::string>> ids = sys::list_dir(dir);
    if (!ids) return logs;
    for (const std::string& id : *ids) {
        Result<std::string> text = sys::read_file(dir + "/" + id + "/container", kMaxRecord);
        if (!text) continue;
        Json json = Json::parse(*text, nullptr, false);
        logs.push_back({.id = id,
                        .name = text_at(json, "name"),
                        .service = text_at(json, "service"),
                        .created_ns = number_at(json, "created"),
                        .path = dir + "/" + id + "/log"});
    }
    std::ranges::sort(logs, {}, &KeptLog::created_ns);
    return logs;
}

void tidy_logs(const engine::Paths& paths, const std::string& project) {
    std::string dir = directory(paths, project);
    Result<std::vector<std::string>> ids = sys::list_dir(dir);
    Result<std::vector<Release>> releases = list_releases(paths, project);
    if (!ids || !releases) return;
    std::set<std::string> kept;
    for (const Release& release : *releases)
        kept.insert(release.containers.begin(), release.containers.end());
    std::vector<KeptLog> logs = kept_logs(paths, project);
    std::uint64_t total = 0;
    for (std::size_t i = logs.size(); i-- > 0;) {
        total += size_of(logs[i].path);
        if (total > kMostKeptBytes) kept.erase(logs[i].id);
    }
    for (const std::string& id : *ids)
        if (!kept.contains(id)) (void)sys::remove_tree(dir + "/" + id);
}

}  // namespace crank::deploy
