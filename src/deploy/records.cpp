#include "deploy/records.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "deploy/file_owner.h"
#include "oci/digest.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/lock_holder.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/poll.h"

namespace crank::deploy {
namespace {

constexpr std::int64_t kUsualMode = 0444, kPermissions = 0777;

// Not there before, or with another content or owner: the name says both.
Result<void> write_owned(const std::string& path, const std::string& content, uid_t uid, gid_t gid,
                         mode_t mode) {
    if (sys::exists(path)) return {};
    std::string half = path + ".part";
    {
        sys::UniqueFd file =
            TRY(sys::open(half, sys::kWriteOnly | sys::kCreate | sys::kTruncate, 0600));
        TRY(sys::write_all(file.get(), content, half));
        TRY(sys::set_owner(file.get(), uid, gid, half));
        TRY(sys::set_mode(file.get(), mode, half));
        // The name promises the content, also after a power cut.
        TRY(sys::sync(file.get(), half));
    }
    return sys::rename(half, path);
}

void keep_only(const std::string& dir, const std::set<std::string>& names) {
    Result<std::vector<std::string>> all = sys::list_dir(dir);
    if (!all) return;
    for (const std::string& name : *all)
        if (!names.contains(name)) (void)sys::remove_file(dir + "/" + name);
}

// Nobody has asked for it, so nobody is turned away for it: crank's own process that ends what was
// kept frozen, which takes a grace time at most.
constexpr std::chrono::seconds kMostPatience(60);
// Who held it has let it go meanwhile, or nobody can tell who it is.
constexpr std::chrono::seconds kUnknown(1);
constexpr std::chrono::milliseconds kLookAgain(20);
std::chrono::seconds patience_with(const std::string& lock) {
    auto holder = sys::lock_holder(lock);
    if (!holder) return kUnknown;
    bool cools = std::ranges::find(holder->command, "--cool") != holder->command.end();
    return cools ? kMostPatience : std::chrono::seconds(0);
}

// ": crank deploy --build (pid 1234)"; empty: nobody knows, or it has ended meanwhile.
std::string described(const std::string& lock) {
    constexpr std::size_t kMost = 100;
    auto holder = sys::lock_holder(lock);
    if (!holder) return "";
    std::string words = join(holder->command, " ");
    std::ranges::replace_if(words, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
    if (words.size() > kMost) words = words.substr(0, kMost) + "...";
    return ": " + words + " (pid " + std::to_string(holder->pid) + ")";
}

}  // namespace

// ROOT/projects itself is all projects'.
bool Records::is_named() const { return compose::check_project_name(project_).has_value(); }

Result<sys::UniqueFd> Records::lock() const {
    TRY(compose::check_project_name(project_));
    std::string path = dir_ + "/lock";
    const auto begun = std::chrono::steady_clock::now();
    while (true) {
        TRY(sys::make_dirs(dir_, 0700));
        auto lock = TRY(sys::try_lock_file(path, sys::LockMode::exclusive));
        if (!lock && std::chrono::steady_clock::now() < begun + patience_with(path)) {
            TRY(sys::poll({}, kLookAgain));
            continue;
        }
        if (!lock) break;
        // Who held it may have removed it in between: then it keeps nobody out.
        sys::FileInfo held = TRY(sys::stat_fd(lock->get(), path));
        Result<sys::FileInfo> now = sys::lstat(path);
        if (now && now->inode == held.inode && now->device == held.device) return std::move(*lock);
    }
    return fail(
        Error(Code::in_use, "another command is changing the project " + project_ + described(path))
            .with_hint("try again when it has ended"));
}

Result<void> Records::note_down() const {
    TRY(compose::check_project_name(project_));
    return sys::write_file_atomic(dir_ + "/down", "", 0600, sys::Sync::yes);
}
void Records::note_up() const {
    if (is_named()) (void)sys::remove_file(dir_ + "/down");
}
bool Records::is_down() const { return sys::exists(dir_ + "/down"); }

Result<void> Records::keep_service(const std::string& hash, const std::string& identity) const {
    TRY(compose::check_project_name(project_));
    std::string dir = dir_ + "/services";
    if (sys::exists(dir + "/" + hash)) return {};
    TRY(sys::make_dirs(dir, 0700));
    return sys::write_file_atomic(dir + "/" + hash, identity, 0600, sys::Sync::no);
}

std::map<std::string, std::string> Records::services(const std::set<std::string>& hashes) const {
    std::map<std::string, std::string> known;
    for (const std::string& hash : hashes) {
        // A label, which anybody may have written.
        if (!oci::Digest::from_hex_text(hash)) continue;
        if (Result<std::string> text = sys::read_file(dir_ + "/services/" + hash))
            known[hash] = std::move(*text);
    }
    return known;
}

Result<void> Records::note_prepared(const std::string& service, const std::string& key) const {
    TRY(compose::check_project_name(project_));
    std::string dir = dir_ + "/pre_start";
    TRY(sys::make_dirs(dir, 0700));
    return sys::write_file_atomic(dir + "/" + service, key, 0600, sys::Sync::yes);
}

std::map<std::string, std::string> Records::prepared() const {
    std::map<std::string, std::string> keys;
    Result<std::vector<std::string>> services = sys::list_dir(dir_ + "/pre_start");
    if (!services) return keys;
    for (const std::string& service : *services)
        if (Result<std::string> key = sys::read_file(dir_ + "/pre_start/" + service))
            keys[service] = std::move(*key);
    return keys;
}

Result<std::string> Records::keep_file(const compose::FileUse& use,
                                       const std::string& content) const {
    TRY(compose::check_project_name(project_));
    uid_t uid = TRY(parse_owner(use.uid, "uid")).value_or(0);
    gid_t gid = TRY(parse_owner(use.gid, "gid")).value_or(0);
    auto mode = static_cast<mode_t>(use.mode.value_or(kUsualMode) & kPermissions);
    std::string owner =
        std::to_string(uid) + ":" + std::to_string(gid) + ":" + std::to_string(mode) + ":";
    std::string dir = dir_ + "/files";
    TRY(sys::make_dirs(dir, 0700));
    std::string path = dir + "/" + oci::Digest::of(owner + content).hex();
    TRY(write_owned(path, content, uid, gid, mode));
    return path;
}

void Records::forget_others(const std::set<std::string>& hashes,
                            const std::set<std::string>& files) const {
    if (!is_named()) return;
    keep_only(dir_ + "/services", hashes);
    std::set<std::string> names;
    for (const std::string& file : files)
        if (file.starts_with(dir_ + "/files/")) names.insert(file.substr(file.rfind('/') + 1));
    keep_only(dir_ + "/files", names);
}

void Records::forget_containers() const {
    if (!is_named()) return;
    for (const char* part : {"/services", "/files", "/pre_start"})
        (void)sys::remove_tree(dir_ + part);
    if (!sys::exists(dir_ + "/releases")) forget();
}

void Records::forget() const {
    if (!is_named()) return;
    // The lock's file stays until last: who waits for it sees the rest gone.
    if (!sys::exists(dir_ + "/locked")) return (void)sys::remove_tree(dir_);
    Result<std::vector<std::string>> parts = sys::list_dir(dir_);
    if (!parts) return;
    for (const std::string& part : *parts)
        if (part != "lock" && part != "locked") (void)sys::remove_tree(dir_ + "/" + part);
}

Result<std::vector<std::string>> list_projects(const engine::Paths& paths) {
    std::string dir = paths.root + "/projects";
    if (!sys::exists(dir)) return std::vector<std::string>{};
    std::vector<std::string> names = TRY(sys::list_dir(dir));
    std::erase_if(names, [](const std::string& name) {
        return !compose::check_project_name(name).has_value();
    });
    std::ranges::sort(names);
    return names;
}

}  // namespace crank::deploy
