#include "engine/volume.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "engine/events.h"
#include "engine/names.h"
#include "engine/options.h"
#include "engine/state.h"
#include "engine/volume_fill.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::engine::volumes {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kTries = 20;  // each is lost to another command that makes or removes the same
constexpr std::size_t kMaxDocument = std::size_t{1} << 20;

std::string users_of(const Paths& paths, const std::string& name) {
    return paths.volume(name) + "/users";
}

std::string link_of(const Paths& paths, const std::string& name, const std::string& container) {
    return users_of(paths, name) + "/" + container;
}

Error no_such(const std::string& name) {
    return Error(Code::not_found, "no such volume: " + name).with_hint("crank volume ls");
}

std::string document_of(const Volume& volume) {
    Json json = {{"version", 1},
                 {"name", volume.name},
                 {"created", volume.created_ns},
                 {"labels", volume.labels},
                 {"anonymous", volume.anonymous}};
    if (!volume.device.empty()) json["device"] = volume.device;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Volume> parse_document(std::string_view text, const std::string& path) {
    try {
        Json json = Json::parse(text);
        return Volume{.name = json.at("name"),
                      .created_ns = json.at("created"),
                      .labels = json.at("labels").get<std::map<std::string, std::string>>(),
                      .anonymous = json.at("anonymous"),
                      .device = json.value("device", "")};
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, path + ": " + e.what());
    }
}

// A directory that nobody has a name for yet, locked by who makes it.
struct Staged {
    std::string path;
    sys::UniqueFd lock;
};

Result<Staged> stage(const Paths& paths) {
    TRY(sys::make_dirs(paths.volumes(), 0700));
    Staged staged{TRY(sys::make_temp_dir(paths.volumes() + "/.new-")), {}};
    staged.lock = TRY(sys::open_dir(staged.path));
    // A sweep that saw it before it was locked may be removing it.
    if (!TRY(sys::try_lock_fd(staged.lock.get(), sys::LockMode::exclusive, staged.path)) ||
        !sys::exists(staged.path))
        return fail(Code::already_exists, staged.path + " was swept");
    return staged;
}

Result<> build(const std::string& dir, const Volume& volume, const std::string& container,
               const Fill& fill) {
    TRY(sys::make_dir(dir + "/_data", 0755));
    TRY(sys::make_dir(dir + "/users", 0700));
    sys::UniqueFd data = TRY(sys::open_dir(dir + "/_data"));
    // Whatever the caller's umask.
    TRY(sys::set_mode_at(TRY(sys::open_dir(dir)).get(), "_data", 0755));
    if (fill) TRY(fill(data.get()));
    if (!container.empty())
        TRY(sys::make_symlink("../../../containers/" + container, dir + "/users/" + container));
    TRY(sys::write_file_atomic(dir + "/volume.json", document_of(volume), 0600, sys::Sync::yes));
    // With all that was filled in.
    if (fill) TRY(sys::sync_file_system(data.get(), dir));
    return {};
}

void note_volume(const Paths& paths, const std::string& name, const char* action) {
    note_event(
        paths,
        {.type = "volume", .action = action, .id = name, .attributes = {{"driver", "local"}}});
}

// already_exists: another has made it meanwhile.
Result<> make(const Paths& paths, Volume volume, const std::string& container, const Fill& fill) {
    Staged staged = TRY(stage(paths));
    volume.created_ns = sys::wall_clock_ns();
    auto work = [&]() -> Result<> {
        TRY(build(staged.path, volume, container, fill));
        crash_point("volume.make.before_name");
        return sys::rename_new(staged.path, paths.volume(volume.name));
    };
    Result<> made = work();
    if (!made) (void)sys::remove_tree(staged.path);
    crash_point("volume.make.named");
    if (made) note_volume(paths, volume.name, "create");
    return made;
}

// What is left of one without users.
Result<> finish_removal(const Paths& paths, const std::string& name) {
    std::string going = paths.volumes() + "/.going-" + TRY(random_id());
    auto move = [&]() -> Result<> {
        // Between the look and the rename the name could go to a new volume.
        sys::UniqueFd lock = TRY(sys::open_dir(paths.volumes()));
        TRY(sys::lock(lock.get(), sys::LockMode::exclusive));
        if (sys::exists(users_of(paths, name))) return fail(Code::not_found, "it has users");
        return sys::rename(paths.volume(name), going);
    };
    Result<> renamed = move();
    if (!renamed && renamed.error().code() != Code::not_found) return renamed;
    crash_point("volume.remove.renamed");
    if (renamed) note_volume(paths, name, "destroy");
    return sys::remove_tree(going);
}

// not_found: there is no such volume, or it is going.
Result<> claim(const Paths& paths, const std::string& name, const std::string& container) {
    Result<> linked =
        sys::make_symlink("../../../containers/" + container, link_of(paths, name, container));
    // Mounted twice.
    if (!linked && linked.error().code() == Code::already_exists) return {};
    return linked;
}

void sweep(const Paths& paths, const std::string& entry) {
    std::string path = paths.volumes() + "/" + entry;
    if (entry.starts_with(".new-")) {
        Result<sys::UniqueFd> dir = sys::open_dir(path);
        if (!dir) return;
        Result<bool> free = sys::try_lock_fd(dir->get(), sys::LockMode::exclusive, path);
        if (free && *free) (void)sys::remove_tree(path);
    } else if (entry.starts_with(".going-")) {
        (void)sys::remove_tree(path);
    }
}

bool lost_race(const Error& error) {
    return error.code() == Code::already_exists || error.code() == Code::not_found;
}

Error in_use(const Paths& paths, const std::string& name, const std::string& container) {
    Result<Container> holder = load(paths, container);
    std::string shown = holder ? holder->record.name : container.substr(0, kShortIdLength);
    return Error(Code::in_use, "volume " + name + " is in use by container " + shown)
        .with_hint("crank rm " + shown);
}

Result<bool> remove_users_dir(const Paths& paths, const std::string& name) {
    sys::UniqueFd dir = TRY(sys::open_dir(paths.volume(name)));
    Result<> removed = sys::remove_at(dir.get(), "users");
    if (removed) return true;
    if (removed.error().code() == Code::not_found) return fail(std::move(removed).error());
    return false;
}

}  // namespace

Result<> check_name(std::string_view name) {
    if (engine::check_name(name)) return {};
    return fail(Code::invalid_argument,
                "invalid volume name \"" + std::string(name) +
                    "\": 2 to 128 letters, digits, '_', '.' and '-', a letter or digit first");
}

Result<std::string> random_name() { return random_id(); }

std::string data_of(const Paths& paths, const Volume& volume) {
    return volume.device.empty() ? paths.volume(volume.name) + "/_data" : volume.device;
}

Result<bool> create(const Paths& paths, const Volume& wanted) {
    TRY(check_name(wanted.name));
    for (int i = 0; i < kTries; ++i) {
        if (sys::exists(users_of(paths, wanted.name))) return false;
        if (sys::exists(paths.volume(wanted.name))) TRY(finish_removal(paths, wanted.name));
        Result<> made = make(paths, wanted, "", {});
        if (made) return true;
        if (!lost_race(made.error())) return fail(std::move(made).error());
    }
    return fail(Code::in_use, "volume " + wanted.name + " is made and removed all the time");
}

Result<bool> use(const Paths& paths, const Volume& wanted, const std::string& container,
                 const Fill& fill) {
    TRY(check_name(wanted.name));
    for (int i = 0; i < kTries; ++i) {
        Result<> claimed = claim(paths, wanted.name, container);
        if (claimed) {
            if (fill) TRY(fill_if_empty(paths.volume(wanted.name), fill));
            return false;
        }
        if (!lost_race(claimed.error())) return fail(std::move(claimed).error());
        if (sys::exists(paths.volume(wanted.name))) TRY(finish_removal(paths, wanted.name));
        Result<> made = make(paths, wanted, container, fill);
        if (made) return true;
        if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
    }
    return fail(Code::in_use, "volume " + wanted.name + " is made and removed all the time");
}

void leave(const Paths& paths, const std::string& name, const std::string& container) {
    (void)sys::remove_file(link_of(paths, name, container));
}

Result<Volume> find(const Paths& paths, const std::string& name) {
    if (!engine::check_name(name) || !sys::exists(users_of(paths, name)))
        return fail(no_such(name));
    std::string path = paths.volume(name) + "/volume.json";
    Result<std::string> text = sys::read_file(path, kMaxDocument);
    if (!text && text.error().code() == Code::not_found && !sys::exists(users_of(paths, name)))
        return fail(no_such(name));
    if (!text) return fail(std::move(text).error());
    return parse_document(*text, path);
}

Result<std::vector<Volume>> list(const Paths& paths) {
    std::vector<Volume> all;
    Result<std::vector<std::string>> entries = sys::list_dir(paths.volumes());
    if (!entries) {
        if (entries.error().code() == Code::not_found) return all;
        return fail(std::move(entries).error());
    }
    for (const std::string& entry : *entries) {
        if (entry.starts_with('.')) {
            sweep(paths, entry);
            continue;
        }
        Result<Volume> volume = find(paths, entry);
        if (volume)
            all.push_back(std::move(*volume));
        else if (volume.error().code() == Code::not_found)
            (void)finish_removal(paths, entry);
        else
            return fail(std::move(volume).error());
    }
    return all;
}

Result<std::vector<std::string>> users(const Paths& paths, const std::string& name) {
    std::vector<std::string> ids;
    Result<std::vector<std::string>> links = sys::list_dir(users_of(paths, name));
    if (!links) {
        if (links.error().code() == Code::not_found) return fail(no_such(name));
        return fail(std::move(links).error());
    }
    for (const std::string& id : *links)
        if (sys::exists(paths.container(id))) ids.push_back(id);
    return ids;
}

Result<> release(const Paths& paths, const Record& record, Anonymous anonymous) {
    for (const MountRecord& mount : record.mounts) {
        if (mount.volume.empty()) continue;
        leave(paths, mount.volume, record.id);
        if (!mount.anonymous || anonymous == Anonymous::kept) continue;
        Result<> removed = remove(paths, mount.volume);
        bool fine = removed || removed.error().code() == Code::not_found ||
                    removed.error().code() == Code::in_use;
        if (!fine) return removed;
    }
    return {};
}

Result<> remove(const Paths& paths, const std::string& name) {
    TRY(find(paths, name));
    for (int i = 0; i < kTries; ++i) {
        std::vector<std::string> holders = TRY(users(paths, name));
        if (!holders.empty()) return fail(in_use(paths, name, holders.front()));
        // Of containers that are gone.
        Result<std::vector<std::string>> links = sys::list_dir(users_of(paths, name));
        if (links)
            for (const std::string& id : *links)
                if (!sys::exists(paths.container(id))) leave(paths, name, id);
        Result<bool> decided = remove_users_dir(paths, name);
        if (!decided && decided.error().code() == Code::not_found) return fail(no_such(name));
        if (!decided) return fail(std::move(decided).error());
        if (!*decided) continue;
        crash_point("volume.remove.decided");
        return finish_removal(paths, name);
    }
    return fail(Code::in_use, "volume " + name + " is taken by containers all the time");
}

}  // namespace crank::engine::volumes
