#include "deploy/native_releases.h"

#include "oci/digest.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::deploy {
namespace {

// Few: the first line of a program in a venv names it, and holds 127 bytes at most on old kernels.
constexpr std::size_t kDigits = 24;
constexpr std::string_view kReady = ".ready";

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string directory(const engine::Paths& paths, const std::string& project) {
    return paths.root + "/projects/" + project + "/native";
}

}  // namespace

Result<NativeReleases> NativeReleases::of(const engine::Paths& paths, const std::string& project,
                                          const std::string& service) {
    if (service.empty() || service.starts_with('.') || service.contains('/'))
        return fail(Error(Code::invalid_argument,
                          "service " + service + ": its native releases cannot be called so")
                        .with_hint("a name that begins with a letter or a digit"));
    return NativeReleases(directory(paths, project) + "/" + service);
}

bool NativeReleases::has(const std::string& id) const {
    if (!oci::Digest::parse(id)) return false;
    Result<std::string> ready = sys::read_file(directory_of(id) + std::string(kReady));
    return ready && *ready == id;
}

std::string NativeReleases::present() const {
    Result<std::string> id = sys::read_file(dir_ + "/present");
    return id && has(*id) ? *id : "";
}

std::string NativeReleases::directory_of(const std::string& id) const {
    return dir_ + "/" + id.substr(id.find(':') + 1).substr(0, kDigits);
}

Result<std::string> NativeReleases::begin(const std::string& id) const {
    discard(id);
    std::string made = directory_of(id);
    TRY(sys::make_dirs(made, 0755));
    return made;
}

Result<void> NativeReleases::finish(const std::string& id) const {
    if (!has(id)) {
        sys::UniqueFd made = TRY(sys::open_dir(directory_of(id)));
        // What is said to be whole is whole after a power cut, too.
        TRY(sys::sync_file_system(made.get(), directory_of(id)));
    }
    TRY(sys::write_file_atomic(directory_of(id) + std::string(kReady), id, 0600, sys::Sync::yes));
    return sys::write_file_atomic(dir_ + "/present", id, 0600, sys::Sync::yes);
}

void NativeReleases::discard(const std::string& id) const {
    // First: half of it is none.
    (void)sys::remove_file(directory_of(id) + std::string(kReady));
    (void)sys::remove_tree(directory_of(id));
}

void NativeReleases::keep_only(const std::set<std::string>& ids) const {
    std::set<std::string> names = {"present"};
    for (const std::string& id : ids) names.insert(base_name(directory_of(id)));
    if (std::string id = present(); !id.empty()) names.insert(base_name(directory_of(id)));
    Result<std::vector<std::string>> all = sys::list_dir(dir_);
    if (!all) return;
    // "DIGITS.ready" comes behind "DIGITS": it would make half a directory a whole one.
    for (auto name = all->rbegin(); name != all->rend(); ++name) {
        if (names.contains(name->substr(0, name->find('.')))) continue;
        if (name->ends_with(kReady))
            (void)sys::remove_file(dir_ + "/" + *name);
        else
            (void)sys::remove_tree(dir_ + "/" + *name);
    }
}

void keep_only_native(const engine::Paths& paths, const std::string& project,
                      const std::set<std::string>& ids) {
    Result<std::vector<std::string>> services = sys::list_dir(directory(paths, project));
    if (!services) return;
    for (const std::string& service : *services)
        if (auto releases = NativeReleases::of(paths, project, service)) releases->keep_only(ids);
}

}  // namespace crank::deploy
