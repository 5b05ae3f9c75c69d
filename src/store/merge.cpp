#include "store/merge.h"

#include <algorithm>
#include <set>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/overlay.h"
#include "store/state.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/owned_file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

using Dirs = std::vector<sys::UniqueFd>;  // the same directory in several layers, top first

Result<bool> is_opaque(int dirfd) {
    for (const char* key : kOpaqueXattrs)
        if (TRY(sys::get_xattr_at(dirfd, "", key)) == "y") return true;
    return false;
}

class Merger {
public:
    // False: give up.
    Result<bool> directory(const Dirs& from, int to) {
        std::set<std::string> names;
        for (const sys::UniqueFd& dir : from)
            for (std::string& name : TRY(sys::list_at(dir.get()))) names.insert(std::move(name));
        for (const std::string& name : names)
            if (!TRY(entry(from, name, to))) return false;
        return true;
    }

    // Those of the topmost, last: what is put into a directory changes its time.
    static Result<> attributes(int from, int to) {
        auto old = TRY(sys::attributes_at(from, ""));
        TRY(sys::set_owner(to, old.uid, old.gid, "a directory"));
        TRY(sys::set_mode(to, old.mode & 07777, "a directory"));
        for (const std::string& key : TRY(sys::list_xattrs_at(from, "")))
            if (is_content_xattr(key))
                if (auto value = TRY(sys::get_xattr_at(from, "", key)))
                    TRY(sys::set_xattr(to, key, *value, "a directory"));
        return sys::set_mtime(to, old.mtime, old.mtime_ns, "a directory");
    }

private:
    Result<bool> entry(const Dirs& from, const std::string& name, int to) {
        Dirs merged;
        for (const sys::UniqueFd& dir : from) {
            auto attributes = sys::attributes_at(dir.get(), name);
            if (!attributes && attributes.error().code() == Code::not_found) continue;
            if (!attributes) return fail(std::move(attributes).error());
            if (is_whiteout(*attributes)) break;
            if (!attributes->is_dir()) {
                // Below a directory of an upper layer it is hidden.
                if (!merged.empty()) break;
                auto linked = TRY(sys::try_link_at(dir.get(), name, to, name));
                return linked == sys::LinkOutcome::made;
            }
            merged.push_back(TRY(sys::open_dir_at(dir.get(), name)));
            if (TRY(is_opaque(merged.back().get()))) break;
        }
        if (merged.empty()) return true;
        TRY(sys::make_dir_at(to, name, 0700));
        auto made = TRY(sys::open_dir_at(to, name));
        if (!TRY(directory(merged, made.get()))) return false;
        TRY(attributes(merged.front().get(), made.get()));
        return true;
    }
};

// How many of the lowest are merged.
std::size_t merged_count(std::size_t layers) {
    return layers <= kMaxLower ? 0 : (layers - 1) / kMergeStep * kMergeStep;
}

std::string key_of(const std::vector<std::int64_t>& numbers, std::size_t count) {
    std::string key;
    for (std::size_t i = 0; i < count; ++i) key += (i == 0 ? "" : ",") + std::to_string(numbers[i]);
    return key;
}

}  // namespace

Result<bool> merge_trees(const std::vector<std::string>& lower, const std::string& target) {
    Dirs from;
    for (const std::string& path : lower) {
        from.push_back(TRY(sys::open_dir(path)));
        if (TRY(is_opaque(from.back().get()))) break;
    }
    auto to = TRY(sys::open_dir(target));
    if (!TRY(Merger().directory(from, to.get()))) return false;
    TRY(Merger::attributes(from.front().get(), to.get()));
    return true;
}

Result<std::vector<std::string>> Store::State::lower_of(const std::vector<std::int64_t>& numbers) {
    std::string lowest;
    std::size_t merged = merged_count(numbers.size());
    if (merged != 0) {
        Rows rows =
            TRY(db.query("SELECT number FROM merged WHERE layers = ?", {key_of(numbers, merged)}));
        if (TRY(rows.next()))
            lowest = "m/" + std::to_string(rows.integer(0)) + "/fs";
        else
            merged = 0;
    }
    std::vector<std::string> lower;
    for (std::size_t i = numbers.size(); i-- > merged;) {
        // The kernel takes no directory twice. Of two, the upper says all that the lower says.
        std::string path = "l/" + std::to_string(numbers[i]) + "/fs";
        if (std::ranges::find(lower, path) == lower.end()) lower.push_back(std::move(path));
    }
    if (!lowest.empty()) lower.push_back(std::move(lowest));
    return lower;
}

Result<> Store::State::merge_lowest(const std::vector<oci::Digest>& diff_ids) {
    std::size_t count = merged_count(diff_ids.size());
    if (count == 0) return {};
    std::vector<std::int64_t> numbers;
    std::vector<std::string> lower;
    {
        std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < count; ++i) {
            auto row = TRY(layer_row(diff_ids[i]));
            if (!row) return {};  // whoever adds the image says so
            numbers.push_back(row->layer.number);
            lower.insert(lower.begin(), layer_dir(row->layer.number) + "/fs");
        }
        Rows rows =
            TRY(db.query("SELECT 1 FROM merged WHERE layers = ?", {key_of(numbers, count)}));
        if (TRY(rows.next())) return {};
    }
    Owned made = TRY(make_owned_dir(root));
    auto placed = make_merged(lower, key_of(numbers, count), made.path);
    auto removed = sys::remove_tree(made.path);
    TRY(std::move(placed));
    return removed;
}

Result<> Store::State::make_merged(const std::vector<std::string>& lower, const std::string& key,
                                   const std::string& scratch) {
    TRY(sys::make_dir(scratch + "/layer", 0700));
    TRY(sys::make_dir(scratch + "/layer/fs", 0755));
    // Where links run out an image of many layers is mounted as it is.
    if (!TRY(merge_trees(lower, scratch + "/layer/fs"))) return {};
    crash_point("store.merge.before_rename");
    std::lock_guard lock(mutex);
    if (auto dir = sys::make_dir(root + "/m", 0700);
        !dir && dir.error().code() != Code::already_exists)
        return dir;
    auto transaction = TRY(Transaction::begin(db, Durability::ordered));
    TRY(db.run("INSERT INTO merged(layers) VALUES(?) ON CONFLICT DO NOTHING", {key}));
    if (db.changes() == 0) return {};
    std::string path = root + "/m/" + std::to_string(db.last_insert_number());
    // Of a command that was killed between this rename and its commit.
    if (sys::exists(path)) TRY(sys::rename(path, scratch + "/orphan"));
    TRY(sys::rename_new(scratch + "/layer", path));
    crash_point("store.merge.before_commit");
    return transaction.commit();
}

// The merged trees that images need; whether a container may be using one that does not count any
// more.
Result<Store::State::NeededTrees> Store::State::needed_trees() {
    NeededTrees out;
    Rows rows = TRY(db.query("SELECT layers, number FROM image"));
    while (TRY(rows.next())) {
        std::vector<std::string> numbers = split(rows.text(0), ',');
        std::size_t count = merged_count(numbers.size());
        if (count == 0) continue;
        numbers.resize(count);
        out.keys.insert(join(numbers, ","));
        auto probe = TRY(sys::open_lock_file(root + "/locks"));
        if (!TRY(sys::try_lock_byte(probe.get(), rows.integer(1), sys::LockMode::exclusive)))
            out.pinned = true;
    }
    return out;
}

// Under the exclusive lock on kLayersByte: no build stands on what goes.
Result<> Store::State::sweep_merged() {
    auto dirs = sys::list_dir(root + "/m");
    if (!dirs || dirs->empty()) return {};
    auto transaction = TRY(Transaction::begin(db, Durability::ordered));
    NeededTrees needed = TRY(needed_trees());
    std::set<std::string> kept;
    {
        Rows rows = TRY(db.query("SELECT number, layers FROM merged"));
        while (TRY(rows.next())) {
            bool damaged = rows.text(1).starts_with("damaged ");
            if (damaged ? needed.pinned : needed.keys.contains(rows.text(1)))
                kept.insert(std::to_string(rows.integer(0)));
        }
    }
    if (std::ranges::all_of(*dirs, [&](const auto& name) { return kept.contains(name); }))
        return {};
    for (const std::string& name : *dirs)
        if (!kept.contains(name))
            TRY(db.run("DELETE FROM merged WHERE number = ?", {parse_int(name).value_or(0)}));
    crash_point("store.merge.before_removal");
    TRY(transaction.commit());
    crash_point("store.merge.after_removal");
    // Nobody makes one meanwhile: that takes the other side of this lock.
    Owned bin = TRY(make_owned_dir(root));
    for (const std::string& name : *dirs)
        if (!kept.contains(name)) TRY(move_merged_to(bin, name));
    return sys::remove_tree(bin.path);
}

// Another command may be removing it, too.
Result<> Store::State::move_merged_to(const Owned& bin, const std::string& name) {
    auto moved = sys::rename(root + "/m/" + name, bin.path + "/" + name);
    return !moved && moved.error().code() == Code::not_found ? Result<>() : moved;
}

// The directories of m/ that no row names.
Result<std::vector<std::string>> Store::State::merged_orphans() {
    std::vector<std::string> orphans;
    auto dirs = sys::list_dir(root + "/m");
    if (!dirs || dirs->empty()) return orphans;
    std::set<std::string> known;
    Rows rows = TRY(db.query("SELECT number FROM merged"));
    while (TRY(rows.next())) known.insert(std::to_string(rows.integer(0)));
    for (const std::string& name : *dirs)
        if (!known.contains(name)) orphans.push_back(name);
    return orphans;
}

// Of a command that was killed between a rename and its commit, or a commit and its renames.
Result<> Store::State::remove_merged_orphans() {
    if (TRY(merged_orphans()).empty()) return {};
    Owned bin = TRY(make_owned_dir(root));
    {
        // Under the write lock nobody is between the first two.
        auto transaction = TRY(Transaction::begin(db, Durability::ordered));
        for (const std::string& name : TRY(merged_orphans())) TRY(move_merged_to(bin, name));
    }
    return sys::remove_tree(bin.path);
}

}  // namespace crank::store
