#include "engine/failed_start.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/options.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;
constexpr std::size_t kMost = 32;
constexpr std::size_t kMaxFile = std::size_t{64} << 10;

std::string directory(const Paths& paths) { return paths.state + "/failed"; }
std::string file_of(const Paths& paths, const std::string& name) {
    return directory(paths) + "/" + name;
}

void drop_oldest(const Paths& paths) {
    Result<std::vector<std::string>> names = sys::list_dir(directory(paths));
    if (!names || names->size() <= kMost) return;
    std::vector<std::pair<std::int64_t, std::string>> by_age;
    for (const std::string& name : *names)
        if (Result<sys::FileInfo> info = sys::lstat(file_of(paths, name)))
            by_age.emplace_back(info->mtime_ns, name);
    std::ranges::sort(by_age);
    for (std::size_t i = 0; i + kMost < by_age.size(); ++i)
        (void)sys::remove_file(file_of(paths, by_age[i].second));
}

}  // namespace

std::string serialize(const FailedStart& failed) {
    Json json = {{"version", kVersion},          {"name", failed.name}, {"image", failed.image},
                 {"command", failed.command},    {"text", failed.text}, {"hint", failed.hint},
                 {"exitCode", failed.exit_code}, {"at", failed.at_ns}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<FailedStart> parse_failed_start(std::string_view text) {
    try {
        Json json = Json::parse(text);
        if (json.at("version") != kVersion)
            return fail(Code::corrupt, "the record of a failed start has another version");
        return FailedStart{.name = json.at("name"),
                           .image = json.at("image"),
                           .command = json.at("command"),
                           .text = json.at("text"),
                           .hint = json.at("hint"),
                           .exit_code = json.at("exitCode"),
                           .at_ns = json.at("at")};
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, std::string("the record of a failed start: ") + e.what());
    }
}

void note_failed_start(const Paths& paths, const FailedStart& failed) {
    std::string text = serialize(failed);
    if (text.size() > kMaxFile || !check_name(failed.name)) return;
    if (!sys::make_dirs(directory(paths), 0700)) return;
    (void)sys::write_file_atomic(file_of(paths, failed.name), text, 0600, sys::Sync::no);
    drop_oldest(paths);
}

std::optional<FailedStart> read_failed_start(const Paths& paths, const std::string& name) {
    if (!check_name(name)) return std::nullopt;
    Result<std::string> text = sys::read_file(file_of(paths, name), kMaxFile);
    if (!text) return std::nullopt;
    Result<FailedStart> failed = parse_failed_start(*text);
    return failed ? std::optional(std::move(*failed)) : std::nullopt;
}

void forget_failed_start(const Paths& paths, const std::string& name) {
    (void)sys::remove_file(file_of(paths, name));
}

}  // namespace crank::engine
