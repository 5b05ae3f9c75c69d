#include "engine/ids/lease.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "base/crash_point.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine::ids {
namespace {

// Where `next` points, containers that live long may stand side by side: a few steps along, then
// elsewhere. At nine tenths taken the chance that all these fail is one in a thousand.
constexpr int kStepsAlong = 8, kElsewhere = 56;

std::string hint_path(const Place& place) { return place.dir + "/next"; }
std::string pool_path(const Place& place) { return place.dir + "/pool"; }

bool exists(const Place& place, const std::string& id) {
    return sys::exists(place.containers + "/" + id);
}

// So that two image roots on one machine, which do not know of each other, begin at other places.
std::uint32_t first_hint(const Place& place, const Pool& pool) {
    std::uint32_t hash = 2166136261u;  // FNV-1a
    for (char c : place.containers) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash % pool.blocks;
}

std::uint32_t read_hint(const Place& place, const Pool& pool) {
    auto text = sys::read_file(hint_path(place), 64);
    auto value = text ? parse_int(trim(*text)) : std::nullopt;
    if (!value || *value < 0 || *value >= pool.blocks) return first_hint(place, pool);
    return static_cast<std::uint32_t>(*value);
}

Result<> write_hint(const Place& place, std::uint32_t block) {
    char text[16];  // always as long: it is overwritten in place
    std::snprintf(text, sizeof text, "%010u\n", block);
    auto written = sys::write_knob(hint_path(place), text);
    if (written || written.error().code() != Code::not_found) return written;
    return sys::write_file_atomic(hint_path(place), text, 0600, sys::Sync::no);
}

// True: the block is the container's now.
Result<bool> take_block(const Place& place, std::uint32_t block, const std::string& id) {
    std::string path = link_of(place, block);
    auto made = sys::make_symlink(id, path);
    if (made) return true;
    if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
    // A monitor that removes its container takes the link off at any moment.
    auto holder = sys::read_link(path);
    if (!holder && holder.error().code() != Code::not_found) return fail(std::move(holder).error());
    if (holder && exists(place, *holder)) return false;
    auto removed = sys::remove_file(path);
    if (!removed && removed.error().code() != Code::not_found)
        return fail(std::move(removed).error());
    TRY(sys::make_symlink(id, path));
    return true;
}

// All of them, or none.
Result<bool> take_blocks(const Place& place, std::uint32_t first, std::uint32_t count,
                         const std::string& id) {
    for (std::uint32_t i = 0; i < count; ++i) {
        auto taken = take_block(place, first + i, id);
        if (taken && *taken) {
            crash_point("ids.take.linked");
            continue;
        }
        for (std::uint32_t k = 0; k < i; ++k) (void)sys::remove_file(link_of(place, first + k));
        return taken;
    }
    return true;
}

Result<std::uint32_t> random_below(std::uint32_t bound) {
    std::array<std::uint8_t, 4> bytes;
    TRY(sys::fill_random(bytes));
    std::uint32_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value % bound;
}

// Places, one after the other, until one of them is free.
Result<std::optional<std::uint32_t>> search(const Place& place, const Pool& pool,
                                            std::uint32_t count, const std::string& id) {
    std::uint32_t places = pool.blocks - count + 1, hint = read_hint(place, pool);
    for (int i = 0; i < kStepsAlong + kElsewhere; ++i) {
        std::uint32_t at = i < kStepsAlong ? (hint + static_cast<std::uint32_t>(i)) % places
                                           : TRY(random_below(places));
        if (TRY(take_blocks(place, at, count, id))) return at;
    }
    // Nearly nothing is free.
    for (std::uint32_t at = 0; at < places; ++at)
        if (TRY(take_blocks(place, at, count, id))) return at;
    return std::nullopt;
}

// The numbers of blocks mean other ids from here on: nobody may have one by its old meaning.
Result<> change_pool(const Place& place, const Pool& pool) {
    for (const std::string& name : TRY(sys::list_dir(place.dir))) {
        auto holder = sys::read_link(place.dir + "/" + name);
        if (!holder) continue;
        if (exists(place, *holder))
            return fail(Error(Code::failed_precondition,
                              "the ids for --userns=auto have changed (" + pool.source +
                                  "), and container " + holder->substr(0, 12) +
                                  " has some of the old ones")
                            .with_hint("crank rm " + holder->substr(0, 12)));
        TRY(sys::remove_file(place.dir + "/" + name));
    }
    auto removed = sys::remove_file(hint_path(place));
    if (!removed && removed.error().code() != Code::not_found) return removed;
    return sys::write_file_atomic(pool_path(place), pool.text(), 0600, sys::Sync::no);
}

}  // namespace

std::string link_of(const Place& place, std::uint32_t block) {
    return place.dir + "/" + std::to_string(block);
}

Result<Lease> take(const Place& place, const Pool& pool, std::uint32_t size,
                   const std::string& id) {
    std::uint32_t count = pool.blocks_for(size);
    if (count == 0 || count > pool.blocks)
        return fail(Error(Code::invalid_argument, "--userns=auto: " + std::to_string(size) +
                                                      " ids are more than there are "
                                                      "in " +
                                                      pool.source)
                        .with_hint("--userns=auto:size=" +
                                   std::to_string(std::uint64_t{pool.blocks} * pool.unit) +
                                   ", or crank config set userns.range START:COUNT"));
    TRY(sys::make_dirs(place.dir, 0700));
    sys::UniqueFd lock = TRY(sys::lock_file(place.dir + "/.lock", sys::LockMode::exclusive));
    auto known = sys::read_file(pool_path(place), 256);
    if (!known || *known != pool.text()) TRY(change_pool(place, pool));
    std::optional<std::uint32_t> at = TRY(search(place, pool, count, id));
    if (!at)
        return fail(Error(Code::exhausted,
                          "--userns=auto: all ids of " + pool.source + " are taken by containers")
                        .with_hint("crank rm those that are no longer needed, or start it with "
                                   "fewer: --userns=auto:size=" +
                                   std::to_string(pool.unit)));
    crash_point("ids.take.before_hint");
    TRY(write_hint(place, (*at + count) % pool.blocks));
    return Lease{pool.range_at(*at, size), *at, count};
}

Result<> give_back(const Place& place, std::uint32_t block, std::uint32_t blocks,
                   const std::string& id) {
    if (blocks == 0 || !sys::exists(place.dir)) return {};
    sys::UniqueFd lock = TRY(sys::lock_file(place.dir + "/.lock", sys::LockMode::exclusive));
    for (std::uint32_t i = 0; i < blocks; ++i) {
        auto holder = sys::read_link(link_of(place, block + i));
        if (!holder || *holder != id) continue;
        crash_point("ids.give_back.before_unlink");
        TRY(sys::remove_file(link_of(place, block + i)));
    }
    return {};
}

}  // namespace crank::engine::ids
