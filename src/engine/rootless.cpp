#include "engine/rootless.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "runtime/delegation.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/own_user_namespace.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;
constexpr std::size_t kMostRanges = 340;  // user_namespaces(7), since Linux 4.15
constexpr mode_t kOthersWrite = 022;

std::string file_of(const Paths& paths) { return paths.state + "/namespace"; }
std::string lock_of(const Paths& paths) { return paths.state + "/namespace.lock"; }

std::string own_name(std::uint32_t uid) {
    for (const std::string& line :
         split(sys::read_file("/etc/passwd", kMaxFile).value_or(""), '\n')) {
        auto fields = split(line, ':');
        if (fields.size() > 2 && fields[2] == std::to_string(uid)) return fields[0];
    }
    return std::to_string(uid);
}

// A directory as /tmp is: others may put things there, and not take away what is there.
Result<bool> holds_only_own(const std::string& path) {
    for (const std::string& name : TRY(sys::list_dir(path))) {
        Result<sys::FileInfo> info = sys::lstat(path + "/" + name);
        if (info && info->uid != sys::effective_uid()) return false;
    }
    return true;
}

Result<> check_directory(const std::string& path, const char* flag) {
    Result<sys::FileInfo> info = sys::stat(path);
    if (!info && info.error().code() == Code::not_found) return {};
    if (!info) return fail(std::move(info).error());
    uid_t own = sys::effective_uid();
    bool mine = info->uid == own, sticky = (info->mode & S_ISVTX) != 0;
    if (mine && (info->mode & kOthersWrite) == 0) return {};
    if (mine && sticky && TRY(holds_only_own(path))) return {};
    std::string why = !mine ? "it belongs to user " + std::to_string(info->uid) + ", and this is " +
                                  std::to_string(own)
                      : sticky ? "others have written to it"
                               : "others may write to it";
    return fail(Error(Code::permission_denied, path + " is not used: " + why)
                    .with_hint(mine ? "chmod go-w " + path
                                    : "another place: --" + std::string(flag) + " DIRECTORY"));
}

// Whoever may map no groups may not drop any either (user_namespaces(7), setgroups), and a group
// that is left would open files of the host to the containers.
Result<> refuse_groups(const SubIds& ids) {
    for (gid_t group : TRY(sys::supplementary_groups()))
        if (group != sys::effective_gid())
            return fail(Error(Code::permission_denied,
                              "user " + ids.user +
                                  " has no subordinate ids, and is in groups that his containers "
                                  "could not be kept out of")
                            .with_hint("sudo usermod --add-subuids 100000-165535 --add-subgids "
                                       "100000-165535 " +
                                       ids.user));
    return {};
}

// The keeper of the namespace that is there, if it lives.
Result<std::optional<pid_t>> find_keeper(const Paths& paths) {
    Result<std::string> text = sys::read_file(file_of(paths), 64);
    if (!text && text.error().code() == Code::not_found) return std::nullopt;
    if (!text) return fail(std::move(text).error());
    auto words = split(trim(*text), ' ');
    if (words.size() != 2) return std::nullopt;
    auto pid = parse_int(words[0]), start = parse_int(words[1]);
    if (!pid || !start || *pid <= 1) return std::nullopt;
    auto found = sys::start_time_of(static_cast<pid_t>(*pid));
    if (!found || *found != static_cast<std::uint64_t>(*start)) return std::nullopt;
    return static_cast<pid_t>(*pid);
}

std::string namespace_file(pid_t pid, const char* type) {
    return "/proc/" + std::to_string(pid) + "/ns/" + type;
}

// The namespace of a process, if it is the one meant and its namespace one that the caller has
// made.
Result<bool> enter_of(pid_t pid, std::uint64_t start) {
    auto space = sys::open_user_namespace(namespace_file(pid, "user"));
    auto found = sys::start_time_of(pid);
    if (!space || !found || *found != start) return false;
    if (TRY(sys::owner_of_user_namespace(space->get())) != sys::effective_uid()) return false;
    TRY(sys::become_root_of_user_namespace(space->get()));
    return true;
}

// false: there is none.
Result<bool> join(const Paths& paths) {
    std::optional<pid_t> keeper = TRY(find_keeper(paths));
    if (!keeper) return false;
    return enter_of(*keeper, TRY(sys::start_time_of(*keeper)));
}

// The keeper was killed, and containers live on in its namespace: by the monitor of one of them.
Result<bool> join_containers(const Paths& paths) {
    for (const std::string& id :
         sys::list_dir(paths.state + "/containers").value_or(std::vector<std::string>())) {
        // "pid start-time monitor start-time ..." (shim/record.cpp)
        auto words =
            split(trim(sys::read_file(paths.monitor(id) + "/state", 256).value_or("")), ' ');
        if (words.size() < 4) continue;
        auto pid = parse_int(words[2]), start = parse_int(words[3]);
        if (pid && start &&
            TRY(enter_of(static_cast<pid_t>(*pid), static_cast<std::uint64_t>(*start))))
            return true;
    }
    return false;
}

// In the keeper. Once nobody holds the lock any more, nobody can be about to enter.
void wait_for_the_last(const Paths& paths, int lock) {
    if (!sys::lock(lock, sys::LockMode::exclusive)) return;
    (void)sys::remove_tree(paths.state + "/egress");
    (void)sys::remove_file(file_of(paths));
}

Result<> make(const Paths& paths, const sys::IdMaps& maps) {
    if (!TRY(join_containers(paths))) TRY(sys::become_root_of_new_user_namespace(maps));
    // Of another keeper, which was killed: its pasta ends too.
    TRY(sys::remove_tree(paths.state + "/egress"));
    // Of its own: a descriptor that came by a fork would share the caller's lock.
    sys::UniqueFd lock = TRY(sys::open_lock_file(lock_of(paths)));
    pid_t keeper = TRY(sys::start_keeper("crank-keeper", lock.get(),
                                         [&] { wait_for_the_last(paths, lock.get()); }));
    std::uint64_t start = TRY(sys::start_time_of(keeper));
    return sys::write_file_atomic(file_of(paths),
                                  std::to_string(keeper) + " " + std::to_string(start) + "\n", 0600,
                                  sys::Sync::no);
}

}  // namespace

std::vector<sys::IdRange> sub_ids_of(std::string_view file, std::string_view user,
                                     std::uint32_t id) {
    std::vector<sys::IdRange> ranges;
    for (const std::string& line : split(file, '\n')) {
        auto fields = split(trim(std::string_view(line)), ':');
        if (fields.size() != 3 || (fields[0] != user && fields[0] != std::to_string(id))) continue;
        auto first = parse_int(fields[1]), count = parse_int(fields[2]);
        if (!first || !count || *first <= 0 || *count <= 0 || *first + *count > UINT32_MAX)
            continue;
        ranges.push_back(
            {0, static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*count)});
    }
    return ranges;
}

std::vector<sys::IdRange> map_below(std::uint32_t own, std::vector<sys::IdRange> ranges) {
    std::vector<sys::IdRange> map{{0, own, 1}};
    std::uint64_t next = 1;
    for (sys::IdRange& range : ranges) {
        bool overlaps = std::ranges::any_of(map, [&](const sys::IdRange& other) {
            return range.outside < std::uint64_t{other.outside} + other.count &&
                   other.outside < std::uint64_t{range.outside} + range.count;
        });
        if (overlaps || map.size() == kMostRanges || next + range.count > UINT32_MAX) continue;
        range.inside = static_cast<std::uint32_t>(next);
        next += range.count;
        map.push_back(range);
    }
    return map;
}

SubIds own_sub_ids() {
    std::uint32_t uid = sys::effective_uid();
    SubIds ids{.user = own_name(uid), .uids = {}, .gids = {}};
    ids.uids = sub_ids_of(sys::read_file("/etc/subuid", kMaxFile).value_or(""), ids.user, uid);
    ids.gids = sub_ids_of(sys::read_file("/etc/subgid", kMaxFile).value_or(""), ids.user, uid);
    return ids;
}

sys::IdMaps own_maps() {
    SubIds ids = own_sub_ids();
    std::uint32_t uid = sys::effective_uid(), gid = sys::effective_gid();
    if (!ids.whole()) return {map_below(uid, {}), map_below(gid, {})};
    return {map_below(uid, ids.uids), map_below(gid, ids.gids)};
}

Result<> check_directories(const Paths& paths) {
    TRY(check_directory(paths.root, "root"));
    std::string above = paths.state.substr(0, paths.state.rfind('/'));
    // XDG base directory specification: the runtime directory is its user's alone.
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (sys::effective_uid() != 0 && runtime != nullptr && above == runtime)
        if (Result<sys::FileInfo> info = sys::stat(above);
            info && info->uid != sys::effective_uid())
            return fail(Error(Code::permission_denied,
                              "XDG_RUNTIME_DIR is " + above + ", which belongs to user " +
                                  std::to_string(info->uid) + ", and this is " +
                                  std::to_string(sys::effective_uid()))
                            .with_hint("unset XDG_RUNTIME_DIR, or name another place: --state "
                                       "DIRECTORY"));
    return check_directory(paths.state, "state");
}

Result<Entered> enter_user_namespace(const Paths& paths) {
    SubIds ids = own_sub_ids();
    if (!ids.whole()) TRY(refuse_groups(ids));
    TRY(sys::make_dirs(paths.state, 0700));
    TRY(sys::make_dirs(paths.root, 0700));
    TRY(check_directories(paths));
    // Where it fails he has no limits, and the first that he asks for says so.
    const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
    (void)runtime::take_delegation(sys::effective_uid(), runtime_dir ? runtime_dir : "");
    Entered entered{
        .lock = TRY(sys::open_lock_file(lock_of(paths))), .single = !ids.whole(), .user = ids.user};
    // Behind a keeper that is going.
    TRY(sys::lock(entered.lock.get(), sys::LockMode::shared));
    if (TRY(join(paths))) return entered;
    sys::UniqueFd start =
        TRY(sys::lock_file(paths.state + "/namespace.start", sys::LockMode::exclusive));
    if (TRY(join(paths))) return entered;
    TRY(make(paths, own_maps()));
    return entered;
}

Result<std::optional<Kept>> find_kept(const Paths& paths) {
    if (TRY(sys::own_user_namespace()).initial) return std::nullopt;
    std::optional<pid_t> keeper = TRY(find_keeper(paths));
    if (!keeper) return std::nullopt;
    Kept kept{.lock = TRY(sys::open_lock_file(lock_of(paths))),
              .network = TRY(sys::open(namespace_file(*keeper, "net"), sys::kReadOnly))};
    TRY(sys::lock(kept.lock.get(), sys::LockMode::shared));
    return kept;
}

}  // namespace crank::engine
