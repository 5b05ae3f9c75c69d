#include "engine/names.h"

#include <array>
#include <cstdint>

#include "base/text.h"
#include "engine/options.h"
#include "engine/sweep.h"
#include "runtime/host.h"
#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

constexpr std::string_view kAdjectives[] = {
    "able",   "airy",  "alert",  "amber",  "ample",   "azure",  "basic",  "bold",   "brave",
    "bright", "brisk", "calm",   "candid", "cheery",  "chief",  "civil",  "clean",  "clear",
    "clever", "cool",  "crisp",  "deft",   "eager",   "early",  "even",   "exact",  "fair",
    "fast",   "fine",  "firm",   "fleet",  "fond",    "frank",  "fresh",  "gentle", "glad",
    "golden", "grand", "great",  "green",  "happy",   "hardy",  "honest", "humble", "jolly",
    "keen",   "kind",  "lively", "loyal",  "lucid",   "lucky",  "mellow", "merry",  "mild",
    "modest", "neat",  "nimble", "noble",  "patient", "plain",  "polite", "proud",  "quick",
    "quiet",  "rapid", "ready",  "robust", "round",   "serene", "sharp",  "silent", "smart",
    "smooth", "snug",  "sober",  "solid",  "spry",    "steady", "still",  "strong", "sturdy",
    "subtle", "sunny", "sure",   "swift",  "tidy",    "trusty", "upbeat", "useful", "vast",
    "vivid",  "warm",  "wise",   "witty",  "worthy",  "young",  "zesty",
};
constexpr std::string_view kNouns[] = {
    "anchor", "anvil",  "auk",     "axle",    "badger",  "barge",   "beacon", "bellows",  "bobbin",
    "bolt",   "brook",  "bucket",  "cable",   "camel",   "capstan", "cedar",  "chisel",   "clamp",
    "cog",    "condor", "crane",   "crate",   "curlew",  "derrick", "dipper", "dock",     "dolphin",
    "dory",   "egret",  "elm",     "falcon",  "fern",    "ferry",   "finch",  "flywheel", "forge",
    "gannet", "gantry", "gear",    "gimbal",  "goose",   "gull",    "hammer", "harbor",   "heron",
    "hoist",  "ibis",   "jack",    "jetty",   "keel",    "kestrel", "kite",   "ladder",   "lantern",
    "lathe",  "lever",  "linden",  "loom",    "magpie",  "mallet",  "maple",  "marten",   "mast",
    "mill",   "otter",  "owl",     "paddle",  "pelican", "pestle",  "pier",   "pinion",   "piston",
    "plover", "pulley", "quay",    "rail",    "ratchet", "raven",   "rivet",  "robin",    "rope",
    "rotor",  "rudder", "sail",    "shuttle", "spade",   "spindle", "spool",  "stork",    "swan",
    "tern",   "tiller", "treadle", "trolley", "turbine", "vise",    "wagon",  "wedge",    "wharf",
    "wheel",  "winch",  "wren",
};
constexpr int kNameTries = 20;

Error name_in_use(const std::string& name, const std::string& holder) {
    return Error(Code::already_exists, "the name \"" + name + "\" is in use by container " +
                                           holder.substr(0, kShortIdLength))
        .with_hint("crank rm -f " + name + ", or choose another name");
}

Result<> make_parents(const Paths& paths) {
    TRY(sys::make_dirs(paths.containers(), 0700));
    TRY(sys::make_dirs(paths.names(), 0700));
    return sys::make_dirs(paths.state + "/containers", 0700);
}

// mkdir, and once more with its parents when it is the first container ever.
Result<> make_dir_of_container(const Paths& paths, const std::string& dir) {
    Result<> made = sys::make_dir(dir, 0700);
    if (made || made.error().code() != Code::not_found) return made;
    TRY(make_parents(paths));
    return sys::make_dir(dir, 0700);
}

bool is_prefix(std::string_view text) {
    return !text.empty() && text.size() <= kIdLength &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error no_such(std::string_view what) {
    return Error(Code::not_found, "no such container: " + std::string(what))
        .with_hint("crank ps -a");
}

}  // namespace

Result<std::string> random_id() {
    std::array<std::uint8_t, kIdLength / 2> bytes;
    TRY(sys::fill_random(bytes));
    return to_hex(bytes);
}

Result<std::string> random_name() {
    std::array<std::uint8_t, 4> bytes;
    TRY(sys::fill_random(bytes));
    std::size_t a = (bytes[0] << 8 | bytes[1]) % std::size(kAdjectives);
    std::size_t b = (bytes[2] << 8 | bytes[3]) % std::size(kNouns);
    return std::string(kAdjectives[a]) + "_" + std::string(kNouns[b]);
}

bool is_id(std::string_view text) { return text.size() == kIdLength && is_prefix(text); }

Result<Reservation> Reservation::make(const Paths& paths, const std::string& name) {
    if (!name.empty()) TRY(check_name(name));
    Reservation reservation(paths);
    TRY(reservation.make_directory());
    if (!name.empty()) {
        TRY(reservation.take_name(name));
        return reservation;
    }
    for (int i = 0; i < kNameTries; ++i) {
        std::string made_up = TRY(random_name());
        if (i > 2) made_up += "_" + reservation.id_.substr(0, 4);
        Result<> taken = reservation.take_name(made_up);
        if (taken) return reservation;
        if (taken.error().code() != Code::already_exists) return fail(std::move(taken).error());
    }
    return fail(Code::exhausted, "no free name was found");
}

Result<> Reservation::make_directory() {
    id_ = TRY(random_id());
    TRY(make_dir_of_container(paths_, paths_.container(id_)));
    // A sweep that saw the directory before it was locked may be removing it, or have removed it.
    Result<sys::UniqueFd> dir = sys::open_dir(paths_.container(id_));
    if (!dir && dir.error().code() == Code::not_found) return make_directory();
    lock_ = TRY(std::move(dir));
    if (!TRY(sys::try_lock_fd(lock_.get(), sys::LockMode::exclusive, paths_.container(id_))) ||
        !sys::exists(paths_.container(id_)))
        return make_directory();
    // After its own (see sweep_monitor_directories).
    return make_dir_of_container(paths_, paths_.monitor(id_));
}

Result<> take_name(const Paths& paths, const std::string& id, const std::string& name) {
    Result<> taken = sys::make_symlink(id, paths.name(name));
    if (!taken && taken.error().code() == Code::already_exists) {
        Result<std::string> holder = sys::read_link(paths.name(name));
        if (holder && *holder == id) return {};
        if (holder && !TRY(sweep_if_left_over(paths, *holder, name)))
            return fail(name_in_use(name, *holder));
        taken = sys::make_symlink(id, paths.name(name));
        if (!taken && taken.error().code() == Code::already_exists)
            return fail(name_in_use(name, sys::read_link(paths.name(name)).value_or("?")));
    }
    if (!taken && taken.error().code() == Code::not_found) {
        TRY(make_parents(paths));
        taken = sys::make_symlink(id, paths.name(name));
    }
    return taken;
}

Result<> Reservation::take_name(const std::string& name) {
    TRY(engine::take_name(paths_, id_, name));
    name_ = name;
    return {};
}

Reservation::~Reservation() {
    if (kept_ || id_.empty()) return;
    // A start that failed has removed its groups. Where one is left all the same, the directories
    // stay for the next command, which removes both.
    auto host = runtime::probe_host();
    if (host && host->root && !runtime::remove_cgroups("/crank/" + id_, *host)) return;
    remove_directories(paths_, id_, name_);
}

Result<std::string> resolve(const Paths& paths, std::string_view name_or_id) {
    // As `inspect` writes names.
    if (name_or_id.starts_with('/')) name_or_id.remove_prefix(1);
    if (check_name(name_or_id)) {
        if (Result<std::string> id = sys::read_link(paths.name(std::string(name_or_id)))) return id;
        if (is_id(name_or_id) && sys::exists(paths.container(std::string(name_or_id))))
            return std::string(name_or_id);
    }
    if (!is_prefix(name_or_id)) return fail(no_such(name_or_id));
    Result<std::vector<std::string>> ids = sys::list_dir(paths.containers());
    if (!ids) return fail(no_such(name_or_id));
    std::string found;
    for (const std::string& id : *ids) {
        if (!id.starts_with(name_or_id)) continue;
        if (!found.empty())
            return fail(Error(Code::invalid_argument,
                              "several containers begin with " + std::string(name_or_id))
                            .with_hint("type more of the id: crank ps -a --no-trunc"));
        found = id;
    }
    if (found.empty()) return fail(no_such(name_or_id));
    return found;
}

bool is_being_started(const Paths& paths, const std::string& id) {
    Result<sys::UniqueFd> dir = sys::open_dir(paths.container(id));
    if (!dir) return dir.error().code() != Code::not_found;
    Result<bool> locked = sys::try_lock_fd(dir->get(), sys::LockMode::shared, id);
    return !locked || !*locked;
}

}  // namespace crank::engine
