#include "pki/identity_dir.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/undo.h"
#include "sys/file.h"

namespace crank::pki {
namespace {

constexpr mode_t kPublic = 0444;
constexpr mode_t kPrivate = 0400;
constexpr mode_t kOpenDirectory = 0755;
constexpr const char* kCurrent = ".current";
constexpr const char* kNext = ".current.new";
constexpr std::string_view kIssued = ".issued-";
constexpr const char* kNames[] = {kIdentityCertificate, kIdentityKey, kIdentityAuthority};

std::string link_target(const char* name) { return std::string(kCurrent) + "/" + name; }

// The target of a link, or nothing where there is no such file.
Result<std::optional<std::string>> target_of(const std::string& path) {
    auto info = sys::lstat(path);
    if (!info && info.error().code() == Code::not_found) return std::nullopt;
    if (!info) return fail(std::move(info).error());
    if (!info->is_symlink()) return std::string();
    return TRY(sys::read_link(path));
}

// The three names must be free or ours.
Result<> check_names(const std::string& directory) {
    for (const auto* name : kNames) {
        const std::string path = directory + "/" + name;
        const auto target = TRY(target_of(path));
        if (target && *target != link_target(name))
            return fail(Error(Code::already_exists, path + " exists and was not issued by crank")
                            .with_hint("move it away, or choose another directory with --dir"));
    }
    return {};
}

// Before the first switch the names dangle: nothing appears half.
Result<> link_names(const std::string& directory) {
    for (const auto* name : kNames)
        if (!sys::exists(directory + "/" + name))
            TRY(sys::make_symlink(link_target(name), directory + "/" + name));
    return {};
}

Result<> write_issue(const std::string& path, const Leaf& leaf, const std::string& authority,
                     std::optional<sys::Owner> owner) {
    TRY(sys::make_dir(path, kOpenDirectory));
    sys::UniqueFd dir = TRY(sys::open_dir(path));
    TRY(sys::set_mode(dir.get(), kOpenDirectory, path));  // whatever the umask
    TRY(sys::write_new_file_at(dir.get(), kIdentityKey, leaf.key.reveal(), kPrivate, owner));
    TRY(sys::write_new_file_at(dir.get(), kIdentityCertificate, leaf.certificate, kPrivate, owner));
    TRY(sys::write_new_file_at(dir.get(), kIdentityAuthority, authority, kPublic, owner));
    return sys::sync(dir.get(), path);
}

// Removes every issue but those named; also what a killed command left.
Result<> sweep(const std::string& directory, const std::vector<std::string>& keep) {
    for (const auto& entry : TRY(sys::list_dir(directory)))
        if (entry.starts_with(kIssued) && std::ranges::find(keep, entry) == keep.end())
            TRY(sys::remove_tree(directory + "/" + entry));
    return {};
}

Result<> switch_to(const std::string& directory, const std::string& issue) {
    const std::string next = directory + "/" + kNext;
    if (sys::exists(next)) TRY(sys::remove_file(next));
    TRY(sys::make_symlink(issue, next));
    TRY(link_names(directory));
    crash_point("pki.identity.before_switch");
    TRY(sys::rename(next, directory + "/" + kCurrent));
    sys::UniqueFd dir = TRY(sys::open_dir(directory));
    return sys::sync(dir.get(), directory);
}

// Makes the directory where it is missing; returns its path without links.
Result<std::string> make_directory(const std::string& directory) {
    const bool missing = !sys::exists(directory);
    if (missing) TRY(sys::make_dirs(directory, kOpenDirectory));
    const std::string path = TRY(sys::real_path(directory));
    if (!TRY(sys::stat(path)).is_dir())
        return fail(Code::invalid_argument, directory + " is not a directory");
    if (missing) {
        sys::UniqueFd dir = TRY(sys::open_dir(path));
        TRY(sys::set_mode(dir.get(), kOpenDirectory, path));  // whatever the umask
    }
    return path;
}

}  // namespace

Result<> save_identity(const std::string& directory, const Leaf& leaf,
                       const std::string& authority_certificate, std::optional<sys::Owner> owner) {
    const std::string path = TRY(make_directory(directory));
    sys::UniqueFd lock = TRY(sys::lock_file(path + "/.lock", sys::LockMode::exclusive));
    TRY(check_names(path));
    const auto before = TRY(target_of(path + "/" + kCurrent));
    const std::string issue = std::string(kIssued) + leaf.serial;
    const std::string issue_path = path + "/" + issue;
    if (auto written = write_issue(issue_path, leaf, authority_certificate, owner); !written) {
        Undo undo;
        undo.add([&] { return sys::remove_tree(issue_path); });
        return fail(undo.run(std::move(written).error()));
    }
    crash_point("pki.identity.written");
    TRY(switch_to(path, issue));
    crash_point("pki.identity.after_switch");
    return sweep(path, {issue, before.value_or("")});
}

}  // namespace crank::pki
