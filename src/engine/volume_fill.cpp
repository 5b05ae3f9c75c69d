#include "engine/volume_fill.h"

#include "base/crash_point.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

// Filled beside `_data`, then named `filling`, then moved into it, entry by entry: from the naming
// on whoever uses the volume goes on with the moving.

namespace crank::engine::volumes {
namespace {

constexpr mode_t kModeBits = 07777;

Result<> take_attributes(const std::string& from, const std::string& to) {
    sys::UniqueFd dir = TRY(sys::open_dir(to));
    sys::Attributes wanted = TRY(sys::attributes_at(TRY(sys::open_dir(from)).get(), ""));
    TRY(sys::set_owner_at(dir.get(), "", wanted.uid, wanted.gid));
    sys::UniqueFd parent = TRY(sys::open_dir(to.substr(0, to.rfind('/'))));
    return sys::set_mode_at(parent.get(), to.substr(to.rfind('/') + 1), wanted.mode & kModeBits);
}

Result<> move_in(const std::string& volume) {
    std::string filling = volume + "/filling", data = volume + "/_data";
    Result<std::vector<std::string>> names = sys::list_dir(filling);
    if (!names) {
        if (names.error().code() == Code::not_found) return {};
        return fail(std::move(names).error());
    }
    Result<> taken = take_attributes(filling, data);
    if (!taken && taken.error().code() != Code::not_found) return taken;
    for (const std::string& name : *names) {
        Result<> moved = sys::rename_new(filling + "/" + name, data + "/" + name);
        // Moved by another, or a worker has made its own meanwhile.
        bool done = moved || moved.error().code() == Code::not_found ||
                    moved.error().code() == Code::already_exists;
        if (!done) return moved;
        crash_point("volume.fill.moved");
    }
    return sys::remove_tree(filling);
}

Result<bool> is_empty(const std::string& dir) { return TRY(sys::list_dir(dir)).empty(); }

}  // namespace

Result<> fill_if_empty(const std::string& volume, const Fill& fill) {
    TRY(move_in(volume));
    if (!TRY(is_empty(volume + "/_data"))) return {};
    std::string staged = TRY(sys::make_temp_dir(volume + "/.fill-"));
    auto work = [&]() -> Result<> {
        TRY(take_attributes(volume + "/_data", staged));
        sys::UniqueFd dir = TRY(sys::open_dir(staged));
        TRY(fill(dir.get()));
        TRY(sys::sync_file_system(dir.get(), volume));
        crash_point("volume.fill.before_name");
        return sys::rename_new(staged, volume + "/filling");
    };
    Result<> filled = work();
    if (!filled) {
        (void)sys::remove_tree(staged);
        if (filled.error().code() != Code::already_exists) return filled;
    }
    crash_point("volume.fill.named");
    return move_in(volume);
}

}  // namespace crank::engine::volumes
