// Tags and what they have named.
#include "base/crash_point.h"
#include "store/state.h"

namespace crank::store {

namespace {

constexpr int kKeptChanges = 20;  // of each tag

}  // namespace

Result<> Store::State::insert_tag(std::string_view name, const oci::Digest& id) {
    Rows rows =
        TRY(db.query("SELECT i.number, t.image FROM image i "
                     "LEFT JOIN tag t ON t.name = ? WHERE i.id = ?",
                     {name, id.hex()}));
    if (!TRY(rows.next())) return fail(Code::not_found, "no such image: " + id.str());
    if (!rows.is_null(1) && rows.integer(0) == rows.integer(1)) return {};
    std::int64_t now = now_nanoseconds();
    TRY(delete_tag(name, now));
    TRY(db.run("INSERT INTO tag(name, image) VALUES(?, ?)", {name, rows.integer(0)}));
    TRY(db.run("INSERT INTO tag_history(name, image, from_ns) VALUES(?, ?, ?)",
               {name, id.hex(), now}));
    return db.run(
        "DELETE FROM tag_history WHERE name = ?1 AND number <= (SELECT number FROM "
        "tag_history WHERE name = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        {name, std::int64_t{kKeptChanges}});
}

Result<> Store::State::delete_tag(std::string_view name, std::int64_t now) {
    TRY(db.run("DELETE FROM tag WHERE name = ?", {name}));
    return db.run("UPDATE tag_history SET to_ns = ? WHERE name = ? AND to_ns IS NULL", {now, name});
}

Result<> Store::tag(const oci::Reference& reference, const oci::Digest& id) {
    if (reference.digest || reference.tag.empty())
        return fail(Code::invalid_argument,
                    "an image cannot be tagged '" + reference.familiar() + "': it holds a digest");
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::durable));
    TRY(state_->insert_tag(reference.str(), id));
    crash_point("store.tag.before_commit");
    TRY(transaction.commit());
    crash_point("store.tag.after_commit");
    return {};
}

Result<> Store::untag(const oci::Reference& reference) {
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::durable));
    TRY(state_->delete_tag(reference.str(), now_nanoseconds()));
    crash_point("store.untag.before_commit");
    return transaction.commit();
}

Result<std::vector<TagChange>> Store::history(const oci::Reference& reference) {
    std::lock_guard lock(state_->mutex);
    std::vector<TagChange> changes;
    Rows rows =
        TRY(state_->db.query("SELECT h.image, h.from_ns, h.to_ns, i.number "
                             "FROM tag_history h LEFT JOIN image i ON i.id = h.image "
                             "WHERE h.name = ? ORDER BY h.number DESC",
                             {reference.str()}));
    while (TRY(rows.next())) {
        TagChange change;
        change.image = TRY(oci::Digest::from_hex_text(rows.text(0)));
        change.from = time_of(rows.integer(1));
        if (!rows.is_null(2)) change.to = time_of(rows.integer(2));
        change.present = !rows.is_null(3);
        changes.push_back(change);
    }
    return changes;
}

}  // namespace crank::store
