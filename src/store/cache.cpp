// The build cache: which step has produced which layer.
#include "store/state.h"

namespace crank::store {

Result<std::optional<CacheEntry>> Store::cache_find(const oci::Digest& key) {
    if (state_->mode == OpenMode::read_write) TRY(state_->protect_layers());
    std::lock_guard lock(state_->mutex);
    Rows rows =
        TRY(state_->db.query("SELECT c.metadata, l.diff_id, l.number FROM cache c "
                             "LEFT JOIN layer l ON l.number = c.layer WHERE c.key = ?",
                             {key.hex()}));
    if (!TRY(rows.next())) return std::optional<CacheEntry>();
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

}  // namespace crank::store
