#include "sys/tree_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/file.h"
#include "sys/walk.h"

namespace crank::sys {
namespace {

// Not IN_MODIFY: a file is read once its writer is done with it.
constexpr unsigned kEvents = IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr std::size_t kBuffer = std::size_t{64} << 10;

std::string limit_text(const std::string& path) {
    Result<std::string> text = read_file(path);
    return text ? std::string(trim(*text)) : "unknown";
}

// In a user namespace there is a limit of its own, which may be the lower one.
Error no_more_watches(const std::string& directory) {
    std::string name = "fs.inotify.max_user_watches";
    std::string limit = limit_text("/proc/sys/fs/inotify/max_user_watches");
    std::string own = limit_text("/proc/sys/user/max_inotify_watches");
    if (parse_int(own).value_or(INT64_MAX) < parse_int(limit).value_or(0)) {
        name = "user.max_inotify_watches";
        limit = own;
    }
    return Error(Code::exhausted, "watch " + directory + ": " + name + " is " + limit +
                                      ", and so many directories are watched")
        .with_hint("sysctl " + name + "=524288, or have .dockerignore leave directories out");
}

Error no_more_instances() {
    return Error(Code::exhausted, "watch for changes: fs.inotify.max_user_instances is " +
                                      limit_text("/proc/sys/fs/inotify/max_user_instances") +
                                      ", or this process has too many files open")
        .with_hint("sysctl fs.inotify.max_user_instances=1024");
}

bool is_gone(int error_number) {
    return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

std::string child_of(const std::string& directory, const std::string& name) {
    return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

Result<TreeWatch> TreeWatch::open(std::function<bool(const std::string&)> enters) {
    UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd && errno == EMFILE) return fail(no_more_instances());
    if (!fd) return fail_errno("watch for changes");
    return TreeWatch(std::move(fd), std::move(enters));
}

Result<TreeWatch::Place*> TreeWatch::watch(const std::string& directory) {
    int id = inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    if (id < 0 && is_gone(errno)) return nullptr;
    if (id < 0 && errno == ENOSPC) return fail(no_more_watches(directory));
    if (id < 0)
        return fail(Error::from_errno(errno, "watch " + directory)
                        .with_hint("have .dockerignore leave it out"));
    Place& place = places_[id];
    // It was moved, and what is still to be read says so.
    if (!place.path.empty() && place.path != directory) ids_.erase(place.path);
    place.path = directory;
    ids_[directory] = id;
    return &place;
}

Result<> TreeWatch::add(const std::string& path) {
    std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path.ends_with('/'))
        return fail(Code::invalid_argument, path + " is no absolute path of a file or directory");
    // It may be replaced by another.
    std::string parent = path.substr(0, std::max<std::size_t>(slash, 1));
    Place* place = TRY(watch(parent));
    if (place == nullptr) return fail(Code::not_found, "there is no directory " + parent);
    place->names.insert(path.substr(slash + 1));
    added_.insert(path);
    return enter(path, nullptr);
}

// Watched first, then read: what comes between the two is seen twice, and not missed.
Result<> TreeWatch::enter_one(const std::string& directory, Heard* heard,
                              std::vector<std::string>& further) {
    Place* place = TRY(watch(directory));
    if (place == nullptr) return {};
    place->whole = true;
    Result<UniqueFd> open = open_dir(directory);
    if (!open && is_gone(open.error().error_number())) return {};
    UniqueFd fd = TRY(std::move(open));
    Result<std::vector<DirEntry>> entries = read_dir(fd.get(), directory);
    if (!entries && is_gone(entries.error().error_number())) return {};
    for (const DirEntry& entry : TRY(std::move(entries))) {
        std::string path = child_of(directory, entry.name);
        if (heard != nullptr) heard->paths.try_emplace(path, true);
        if (entry.kind == FileKind::directory) further.push_back(std::move(path));
    }
    return {};
}

Result<> TreeWatch::enter(const std::string& top, Heard* heard) {
    std::vector<std::string> stack = {top};
    while (!stack.empty()) {
        std::string directory = std::move(stack.back());
        stack.pop_back();
        if (enters_(directory)) TRY(enter_one(directory, heard, stack));
    }
    return {};
}

void TreeWatch::forget_one(std::map<std::string, int>::iterator entry) {
    inotify_rm_watch(fd_.get(), entry->second);
    places_.erase(entry->second);
    ids_.erase(entry);
}

void TreeWatch::forget(const std::string& path) {
    if (auto own = ids_.find(path); own != ids_.end()) forget_one(own);
    std::string prefix = path + "/";
    for (auto next = ids_.lower_bound(prefix);
         next != ids_.end() && next->first.starts_with(prefix); next = ids_.lower_bound(prefix))
        forget_one(next);
}

void TreeWatch::hear_of_directory(const std::string& path, bool came, Heard& heard) {
    // Also of one that comes: it may have another's place.
    forget(path);
    if (!came) return;
    Result<> entered = enter(path, &heard);
    if (!entered && !heard.trouble) heard.trouble = std::move(entered).error();
}

void TreeWatch::hear(const inotify_event& event, Heard& heard) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) heard.lost = true;
    auto found = places_.find(event.wd);
    if (found == places_.end()) return;
    if ((event.mask & IN_IGNORED) != 0) {
        auto id = ids_.find(found->second.path);
        if (id != ids_.end() && id->second == event.wd) ids_.erase(id);
        places_.erase(found);
        return;
    }
    if (event.len == 0) return;  // of the directory itself: its parent says the same
    const Place& place = found->second;
    std::string name = event.name;
    if (!place.whole && !place.names.contains(name)) return;
    bool directory = (event.mask & IN_ISDIR) != 0;
    if (directory && (event.mask & IN_ATTRIB) != 0) return;
    std::string path = child_of(place.path, name);
    heard.paths.try_emplace(path, (event.mask & IN_CREATE) != 0);
    if (directory) hear_of_directory(path, (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0, heard);
}

Result<Heard> TreeWatch::take() {
    Heard heard;
    std::vector<char> buffer(kBuffer);
    while (true) {
        ssize_t n = ::read(fd_.get(), buffer.data(), kBuffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return fail_errno("hear of changes");
        for (ssize_t at = 0; at < n;) {
            const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
            hear(event, heard);
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
    if (!heard.lost) return heard;
    // Directories that nobody has heard of.
    for (const std::string& path : added_) {
        Result<> entered = enter(path, nullptr);
        if (!entered && !heard.trouble) heard.trouble = std::move(entered).error();
    }
    return heard;
}

}  // namespace crank::sys
