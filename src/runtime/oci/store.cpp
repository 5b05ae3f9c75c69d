#include "runtime/oci/store.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::runtime::oci_verbs {
namespace {

constexpr std::size_t kMaxId = 255;  // a file name
constexpr mode_t kOwnerOnly = 0700, kOwnerFile = 0600;
constexpr const char* kGroups = "groups";
// Of the shim of a killed `create`, which mostly takes milliseconds: until the id is free that was
// asked for, and where another command only tidies up.
constexpr std::chrono::milliseconds kShimEnds(10'000), kTidies(1'000), kLookAgain(5);

Error no_such(const std::string& id) {
    return Error(Code::not_found, "container \"" + id + "\" does not exist");
}

// Whether the command that made the marker is gone. A marker that is not there is nobody's.
bool is_left_over(const std::string& marker) {
    auto target = sys::read_link(marker);
    // Who cannot tell believes that it lives: what nobody makes any more is removed.
    if (!target) return false;
    auto parts = split(*target, ':');
    if (parts.size() != 2) return true;
    auto pid = parse_int(parts[0]), start = parse_int(parts[1]);
    return !pid || !start ||
           !is_alive(static_cast<pid_t>(*pid), static_cast<std::uint64_t>(*start));
}

}  // namespace

Result<> check_id(const std::string& id) {
    bool good = !id.empty() && id.size() <= kMaxId && id.front() != '.' &&
                std::ranges::all_of(id, [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '.';
                });
    if (good) return {};
    return fail(Code::invalid_argument,
                "the container ID \"" + id +
                    "\" has an invalid character: it is made of letters, digits and _+-. and does "
                    "not begin with a dot");
}

Creation::Creation(Creation&& other) noexcept
    : marker_(std::move(other.marker_)),
      dir_(std::move(other.dir_)),
      claim_(std::move(other.claim_)),
      remove_groups_(std::move(other.remove_groups_)),
      live_(other.live_),
      kept_(other.kept_) {
    other.live_ = false;
}

Creation::~Creation() {
    if (!live_) return;
    // What could not be removed is swept by its marker.
    if (!kept_ && remove_groups_ && !remove_groups_()) return;
    if (!kept_ && !sys::remove_tree(dir_)) return;
    (void)sys::remove_file(marker_);
}

Result<int> Creation::claim_groups(std::string cgroups_path, const HostFacts& facts) {
    claim_ = TRY(sys::lock_file(dir_ + "/" + kGroups, sys::LockMode::exclusive));
    crash_point("oci.create.claimed");
    if (!cgroups_path.empty())
        remove_groups_ = [path = std::move(cgroups_path), facts] {
            return remove_cgroups(path, facts);
        };
    return claim_.get();
}

Result<> Creation::write(const oci::ContainerRecord& record) {
    return sys::write_file_atomic(dir_ + "/state.json", oci::serialize(record), kOwnerFile,
                                  sys::Sync::no);
}

void Creation::keep() { kept_ = true; }

// Exclusive: one command at a time creates or removes a container.
Result<std::string> Store::mark(const std::string& id) const {
    TRY(sys::make_dirs(changing(), kOwnerOnly));
    std::string marker = changing() + "/" + id;
    pid_t own = sys::own_pid();
    std::string target = std::to_string(own) + ":" + std::to_string(TRY(sys::start_time_of(own)));
    auto marked = sys::make_symlink(target, marker);
    if (marked) return marker;
    if (marked.error().code() == Code::already_exists)
        return fail(Code::in_use,
                    "container \"" + id + "\" is being created or removed by another command");
    return fail(std::move(marked).error());
}

Result<Creation> Store::begin(const std::string& id, const HostFacts& facts) {
    TRY(check_id(id));
    TRY(sweep(facts, id));
    std::string marker = TRY(mark(id));
    crash_point("oci.create.marked");
    auto made = sys::make_dir(dir(id), kOwnerOnly);
    if (!made) {
        (void)sys::remove_file(marker);
        if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
        return fail(Error(Code::already_exists, "container \"" + id + "\" already exists")
                        .with_hint("crank oci delete " + id));
    }
    return Creation(std::move(marker), dir(id));
}

Result<oci::ContainerRecord> Store::read(const std::string& id) const {
    TRY(check_id(id));
    auto text = sys::read_file(dir(id) + "/state.json");
    if (!text) {
        if (text.error().code() == Code::not_found) return fail(no_such(id));
        return fail(std::move(text).error());
    }
    return TRY_IN(oci::parse_container_record(*text), dir(id) + "/state.json");
}

Result<oci::RuntimeSpec> Store::read_spec(const std::string& id) const {
    std::string text = TRY(sys::read_file(dir(id) + "/config.json"));
    std::vector<std::string> ignored;
    return oci::parse_runtime_spec(text, &ignored);
}

Result<std::vector<std::string>> Store::ids() const {
    auto names = sys::list_dir(root_);
    if (!names) {
        if (names.error().code() == Code::not_found) return std::vector<std::string>{};
        return fail(std::move(names).error());
    }
    std::erase_if(*names, [this](const std::string& name) {
        return !check_id(name) || !sys::exists(dir(name) + "/state.json");
    });
    return std::move(*names);
}

Result<sys::UniqueFd> Store::lock(const std::string& id) const {
    TRY(check_id(id));
    if (!sys::exists(dir(id) + "/state.json")) return fail(no_such(id));
    auto lock = sys::lock_file(dir(id) + "/lock", sys::LockMode::exclusive);
    // Another may have removed it while this one waited.
    if (!lock || !sys::exists(dir(id) + "/state.json")) {
        if (!lock && lock.error().code() != Code::not_found) return lock;
        return fail(no_such(id));
    }
    return lock;
}

Result<> Store::remove(const std::string& id) const {
    std::string marker = TRY(mark(id));
    crash_point("oci.delete.marked");
    // The record first: without it there is no container, and the rest is swept.
    auto removed = sys::remove_file(dir(id) + "/state.json");
    if (!removed && removed.error().code() != Code::not_found) return removed;
    crash_point("oci.delete.forgotten");
    TRY(sys::remove_tree(dir(id)));
    return sys::remove_file(marker);
}

namespace {

// Whether a shim may still enter or remove the groups of the container in `dir`.
Result<bool> has_shim(const std::string& dir) {
    auto claim = sys::open(dir + "/" + kGroups, sys::kReadOnly | sys::kNoFollow);
    if (!claim && claim.error().code() == Code::not_found) return false;
    if (!claim) return fail(std::move(claim).error());
    return !TRY(sys::try_lock_fd(claim->get(), sys::LockMode::shared, dir));
}

Error still_held(const std::string& id) {
    return Error(Code::in_use, "the crank-starter of a create of container \"" + id +
                                   "\" that was killed has not cleaned up yet")
        .with_hint("is that process stopped? crank oci delete --force " + id +
                   " once it has ended");
}

}  // namespace

Result<> Store::wait_for_shim(const std::string& id) const {
    auto end = std::chrono::steady_clock::now() + kShimEnds;
    while (TRY(has_shim(dir(id)))) {
        if (std::chrono::steady_clock::now() > end) return fail(still_held(id));
        TRY(sys::poll({}, kLookAgain));
    }
    return {};
}

Result<> Store::remove_left_over(const std::string& id, const HostFacts& facts) const {
    if (!sys::exists(dir(id) + "/state.json") && sys::exists(dir(id))) {
        // A create that was killed before it looked had no groups: others may live there.
        bool claimed = sys::exists(dir(id) + "/" + kGroups);
        if (auto spec = read_spec(id); claimed && spec && !spec->linux.cgroups_path.empty())
            TRY(remove_cgroups(spec->linux.cgroups_path, facts));
        TRY(sys::remove_tree(dir(id)));
    }
    auto removed = sys::remove_file(changing() + "/" + id);
    if (!removed && removed.error().code() != Code::not_found) return removed;
    return {};
}

Result<bool> Store::sweep_one(const std::string& id, const HostFacts& facts,
                              std::chrono::milliseconds patience) const {
    std::string marker = changing() + "/" + id;
    auto end = std::chrono::steady_clock::now() + patience;
    while (check_id(id) && is_left_over(marker)) {
        {
            // One command sweeps at a time, and looks again when it is the one: another may have
            // swept by then, and the id be a new container's.
            sys::UniqueFd turn = TRY(sys::open_dir(changing()));
            bool mine = TRY(sys::try_lock_fd(turn.get(), sys::LockMode::exclusive, changing()));
            if (mine && !is_left_over(marker)) return true;
            if (mine && !TRY(has_shim(dir(id)))) {
                TRY(remove_left_over(id, facts));
                return true;
            }
        }
        if (std::chrono::steady_clock::now() > end) return false;
        TRY(sys::poll({}, kLookAgain));
    }
    return true;
}

Result<> Store::sweep(const HostFacts& facts, std::string_view wanted) const {
    auto names = sys::list_dir(changing());
    if (!names) {
        if (names.error().code() == Code::not_found) return {};
        return fail(std::move(names).error());
    }
    for (const auto& id : *names) {
        bool asked = id == wanted;
        bool swept = TRY_IN(sweep_one(id, facts, asked ? kShimEnds : kTidies),
                            "sweeping what a killed command left of \"" + id + "\"");
        if (!swept && asked) return fail(still_held(id));
    }
    return {};
}

}  // namespace crank::runtime::oci_verbs
