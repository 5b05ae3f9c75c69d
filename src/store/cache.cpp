// The build cache: which step has produced which layer.
#include "store/state.h"

namespace crank::store {

namespace {

// A build without a change writes nothing, unless the last one was this long ago.
constexpr std::int64_t kUseIsRecorded = std::int64_t{3600} * 1'000'000'000;

}  // namespace

Result<std::optional<CacheEntry>> Store::cache_find(const oci::Digest& key) {
    if (state_->mode == OpenMode::read_write) TRY(state_->protect_layers());
    std::lock_guard lock(state_->mutex);
    Rows rows =
        TRY(state_->db.query("SELECT c.metadata, l.diff_id, l.number, max(c.used, c.added) "
                             "FROM cache c LEFT JOIN layer l ON l.number = c.layer "
                             "WHERE c.key = ?",
                             {key.hex()}));
    if (!TRY(rows.next())) return std::optional<CacheEntry>();
    if (rows.integer(3) < now_nanoseconds() - kUseIsRecorded) state_->cache_hits.push_back(key);
    CacheEntry entry;
    entry.metadata = rows.text(0);
    if (!rows.is_null(1)) {
        entry.layer = TRY(oci::Digest::from_hex_text(rows.text(1)));
        state_->fresh.insert(rows.integer(2));
    }
    return std::optional(std::move(entry));
}

Result<> Store::cache_put(const oci::Digest& key, const CacheEntry& entry) {
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::ordered));
    Value layer = nullptr;
    if (entry.layer) {
        auto row = TRY(state_->layer_row(*entry.layer));
        if (!row)
            return fail(Code::not_found, "layer " + entry.layer->str() + " is not in the store");
        layer = row->layer.number;
    }
    TRY(state_->db.run(
        "INSERT OR REPLACE INTO cache(key, layer, metadata, added) VALUES(?, ?, ?, ?)",
        {key.hex(), layer, entry.metadata, now_nanoseconds()}));
    TRY(transaction.commit());
    // From here on it is the entry that keeps the layer.
    if (const auto* number = std::get_if<std::int64_t>(&layer)) state_->fresh.erase(*number);
    return {};
}

Result<> Store::cache_clear() {
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::ordered));
    TRY(state_->db.run("DELETE FROM cache"));
    TRY(transaction.commit());
    return state_->collect_layers();
}

Result<> Store::State::record_use() {
    if (cache_hits.empty()) return {};
    auto transaction = TRY(Transaction::begin(db, Durability::ordered));
    for (const oci::Digest& key : cache_hits)
        TRY(db.run("UPDATE cache SET used = ? WHERE key = ?", {now_nanoseconds(), key.hex()}));
    return transaction.commit();
}

Result<std::vector<CacheUse>> Store::cache_list() {
    std::lock_guard lock(state_->mutex);
    std::vector<CacheUse> out;
    Rows rows =
        TRY(state_->db.query("SELECT key, layer, max(used, added) AS last FROM cache "
                             "ORDER BY last, key"));
    while (TRY(rows.next())) {
        CacheUse use;
        use.key = TRY(oci::Digest::from_hex_text(rows.text(0)));
        if (!rows.is_null(1)) use.layer = rows.integer(1);
        use.used = time_of(rows.integer(2));
        out.push_back(use);
    }
    return out;
}

Result<> Store::cache_drop(std::span<const oci::Digest> keys) {
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::ordered));
    for (const oci::Digest& key : keys)
        TRY(state_->db.run("DELETE FROM cache WHERE key = ?", {key.hex()}));
    TRY(transaction.commit());
    return state_->collect_layers();
}

Result<std::vector<LayerUse>> Store::layers() {
    std::lock_guard lock(state_->mutex);
    std::vector<LayerUse> out;
    Rows rows = TRY(state_->db.query(
        "SELECT l.number, l.diff_id, l.size, l.tar_size, i.image, "
        "EXISTS(SELECT 1 FROM cache WHERE layer = l.number) FROM layer l "
        "LEFT JOIN image_layer i ON i.layer = l.number ORDER BY l.number, i.image"));
    while (TRY(rows.next())) {
        if (out.empty() || out.back().layer.number != rows.integer(0)) {
            auto diff_id = TRY(oci::Digest::from_hex_text(rows.text(1)));
            out.push_back({{diff_id, rows.integer(0), rows.integer(2), rows.integer(3)}, {}, {}});
            out.back().cached = rows.integer(5) != 0;
        }
        if (!rows.is_null(4)) out.back().images.push_back(rows.integer(4));
    }
    return out;
}

}  // namespace crank::store
