// What nobody needs any more, and what an interrupted command has left.
#include "base/crash_point.h"
#include "store/state.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

// Deletes the trees whose rows are gone. Another command may be doing the same.
Result<> Store::State::empty_garbage() {
    std::vector<std::int64_t> numbers;
    {
        Rows rows = TRY(db.query("SELECT number FROM garbage"));
        while (TRY(rows.next())) numbers.push_back(rows.integer(0));
    }
    if (numbers.empty()) return {};
    // Out of l/ first, by one rename: no tree is ever half there.
    Owned bin = TRY(make_owned_dir(root));
    for (std::int64_t number : numbers) {
        std::string name = std::to_string(number);
        auto moved = sys::rename(layer_dir(number), bin.path + "/" + name);
        if (!moved && moved.error().code() != Code::not_found) return moved;
        crash_point("store.garbage.after_rename");
        // Other layers' links to its files are to be found. As long as its row is there, whoever
        // comes after a crash does this again.
        shared.forget_layers();
        auto transaction = TRY(Transaction::begin(db, Durability::ordered));
        TRY(db.run("DELETE FROM garbage WHERE number = ?", {number}));
        TRY(transaction.commit());
    }
    crash_point("store.garbage.before_delete");
    return sys::remove_tree(bin.path);
}

Result<> Store::State::collect_layers() {
    // Someone is making an image of layers that no row names yet: later.
    if (!TRY(sys::try_lock_byte(locks.get(), kLayersByte, sys::LockMode::exclusive))) return {};
    auto collect = [&]() -> Result<> {
        auto transaction = TRY(Transaction::begin(db, Durability::ordered));
        std::vector<std::int64_t> numbers;
        {
            Rows rows =
                TRY(db.query("SELECT number FROM layer AS l "
                             "WHERE NOT EXISTS (SELECT 1 FROM image_layer WHERE layer = l.number) "
                             "AND NOT EXISTS (SELECT 1 FROM cache WHERE layer = l.number)"));
            while (TRY(rows.next()))
                if (!fresh.contains(rows.integer(0))) numbers.push_back(rows.integer(0));
        }
        auto replaced = TRY(replaced_and_unused());
        numbers.insert(numbers.end(), replaced.begin(), replaced.end());
        if (numbers.empty()) return {};
        for (std::int64_t number : numbers) {
            TRY(db.run("INSERT INTO garbage(number) VALUES(?)", {number}));
            TRY(db.run("DELETE FROM layer WHERE number = ?", {number}));
            TRY(db.run("DELETE FROM replaced WHERE number = ?", {number}));
        }
        crash_point("store.collect.before_commit");
        TRY(transaction.commit());
        crash_point("store.collect.after_commit");
        return {};
    };
    auto collected = collect();
    if (collected) collected = sweep_merged();
    auto restored = layers_protected
                        ? sys::lock_byte(locks.get(), kLayersByte, sys::LockMode::shared)
                        : sys::unlock_byte(locks.get(), kLayersByte);
    TRY(std::move(collected));
    TRY(std::move(restored));
    return empty_garbage();
}

// Layers that were not on disk for sure when the machine went down (schema.h, layer.boot).
Result<> Store::State::forget_lost_layers() {
    {
        Rows rows = TRY(
            db.query("SELECT 1 FROM layer WHERE boot IS NOT NULL AND boot != ? LIMIT 1", {boot}));
        if (!TRY(rows.next())) return {};
    }
    auto transaction = TRY(Transaction::begin(db, Durability::ordered));
    // Only formats before 5 have such layers that images name; whether they are sound verify()
    // says.
    TRY(
        db.run("UPDATE layer SET damaged = 1, boot = NULL WHERE boot IS NOT NULL AND boot != ? "
               "AND number IN (SELECT layer FROM image_layer)",
               {boot}));
    const std::string lost = "SELECT number FROM layer WHERE boot IS NOT NULL AND boot != ?";
    TRY(db.run(("DELETE FROM cache WHERE layer IN (" + lost + ")").c_str(), {boot}));
    TRY(db.run(("INSERT INTO garbage(number) " + lost).c_str(), {boot}));
    TRY(db.run("DELETE FROM layer WHERE boot IS NOT NULL AND boot != ?", {boot}));
    return transaction.commit();
}

// A command that was killed between the rename of a tree and the commit of its row leaves l/N,
// where N is the number that the next layer will get.
Result<> Store::State::remove_orphan() {
    auto next_dir = [&]() -> Result<std::string> {
        Rows rows = TRY(db.query("SELECT seq FROM sqlite_sequence WHERE name = 'layer'"));
        bool any = TRY(rows.next());
        return layer_dir(any ? rows.integer(0) + 1 : 1);
    };
    if (!sys::exists(TRY(next_dir()))) return {};
    Owned bin = TRY(make_owned_dir(root));
    {
        // Under the write lock nobody is between those two steps.
        auto transaction = TRY(Transaction::begin(db, Durability::ordered));
        std::string place = TRY(next_dir());
        if (sys::exists(place)) TRY(sys::rename(place, bin.path + "/orphan"));
    }
    return sys::remove_tree(bin.path);
}

// Trees that another layer's replaced go once nobody uses them.
Result<> Store::State::collect_replaced() {
    {
        Rows rows = TRY(db.query("SELECT 1 FROM replaced LIMIT 1"));
        if (!TRY(rows.next())) return {};
    }
    return collect_layers();
}

Result<> Store::drop_layers(std::span<const std::int64_t> numbers) {
    std::lock_guard lock(state_->mutex);
    for (std::int64_t number : numbers) state_->fresh.erase(number);
    return state_->collect_layers();
}

Result<> Store::collect() {
    std::lock_guard lock(state_->mutex);
    return state_->collect_layers();
}

}  // namespace crank::store
