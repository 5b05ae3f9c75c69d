#include "deploy/project_lock.h"

#include <nlohmann/json.hpp>

#include "compose/load.h"
#include "deploy/json_fields.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

Result<std::string> file_of(const engine::Paths& paths, const std::string& project) {
    return paths.root + "/projects/" + TRY(compose::check_project_name(project)) + "/locked";
}

}  // namespace

std::string serialize(const ProjectLock& lock) {
    Json json{{"at", lock.at_ns}};
    add_who(json, lock.who);
    json["message"] = lock.message;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ProjectLock> parse_project_lock(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object() || number_at(json, "at") <= 0)
        return fail(
            Error(Code::corrupt, "no record of who has locked it").with_hint("crank unlock"));
    return ProjectLock{
        .at_ns = number_at(json, "at"), .who = who_at(json), .message = text_at(json, "message")};
}

Result<std::optional<ProjectLock>> find_project_lock(const engine::Paths& paths,
                                                     const std::string& project) {
    std::string path = TRY(file_of(paths, project));
    Result<std::string> text = sys::read_file(path);
    if (!text && text.error().code() == Code::not_found) return std::optional<ProjectLock>();
    return std::optional(TRY_IN(parse_project_lock(TRY(std::move(text))), path));
}

Result<> keep_project_lock(const engine::Paths& paths, const std::string& project,
                           const ProjectLock& lock) {
    std::string path = TRY(file_of(paths, project));
    if (sys::exists(path))
        return fail(Code::already_exists, "project " + project + " is locked already");
    return sys::write_file_atomic(path, serialize(lock), 0600, sys::Sync::yes);
}

Result<bool> remove_project_lock(const engine::Paths& paths, const std::string& project) {
    std::string path = TRY(file_of(paths, project));
    Result<> removed = sys::remove_file(path);
    if (!removed && removed.error().code() == Code::not_found) return false;
    TRY(std::move(removed));
    // It is not to come back with a power cut.
    sys::UniqueFd dir = TRY(sys::open_dir(path.substr(0, path.rfind('/'))));
    TRY(sys::sync(dir.get(), path));
    return true;
}

}  // namespace crank::deploy
