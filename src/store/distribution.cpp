// What registries call the images and layers of this store, and layers that come from them.
#include "base/crash_point.h"
#include "store/byte_source.h"
#include "store/state.h"

namespace crank::store {

namespace {

constexpr std::int64_t kMaxLayerBytes = std::int64_t{1} << 40;

class CallbackSource : public ByteSource {
public:
    explicit CallbackSource(Store::Read read) : read_(std::move(read)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override { return read_(out); }

private:
    Store::Read read_;
};

}  // namespace

Result<Layer> Store::import_stream(const std::function<Result<Read>()>& open,
                                   const oci::Digest& expected, const std::string& name,
                                   Formats accepted) {
    auto source = [&]() -> Result<std::unique_ptr<ByteSource>> {
        return decompress(std::make_unique<CallbackSource>(TRY(open())), kMaxLayerBytes, name,
                          accepted);
    };
    return TRY_IN(import(source, expected), "layer " + expected.str());
}

Result<std::optional<std::int64_t>> Store::State::image_of_manifest(
    const oci::Reference& reference) {
    Rows rows = TRY(db.query("SELECT image FROM manifest WHERE repository = ? AND digest = ?",
                             {reference.name(), reference.digest->hex()}));
    if (!TRY(rows.next())) return std::optional<std::int64_t>();
    return std::optional(rows.integer(0));
}

Result<> Store::State::insert_manifest(const oci::Digest& image, const Manifest& manifest,
                                       std::span<const Blob> blobs) {
    TRY(db.run(
        "INSERT OR REPLACE INTO manifest(image, repository, digest, media_type, json, added) "
        "SELECT number, ?, ?, ?, ?, ? FROM image WHERE id = ?",
        {manifest.repository, manifest.digest.hex(), manifest.media_type, manifest.json,
         now_nanoseconds(), image.hex()}));
    if (db.changes() == 0) return fail(Code::not_found, "no such image: " + image.str());
    for (const Blob& blob : blobs) {
        TRY(
            db.run("INSERT INTO blob(digest, diff_id, size, media_type) VALUES(?, ?, ?, ?) "
                   "ON CONFLICT DO NOTHING",
                   {blob.digest.hex(), blob.diff_id.hex(), blob.size, blob.media_type}));
        TRY(db.run("INSERT OR IGNORE INTO blob_place(digest, repository) VALUES(?, ?)",
                   {blob.digest.hex(), manifest.repository}));
    }
    return {};
}

Result<> Store::record_manifest(const oci::Digest& image, const Manifest& manifest,
                                std::span<const Blob> blobs) {
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::ordered));
    TRY(state_->insert_manifest(image, manifest, blobs));
    crash_point("store.record_manifest.before_commit");
    return transaction.commit();
}

Result<std::vector<Store::Manifest>> Store::manifests_of(const oci::Digest& image) {
    std::lock_guard lock(state_->mutex);
    std::vector<Manifest> out;
    Rows rows = TRY(state_->db.query(
        "SELECT m.repository, m.digest, m.media_type, m.json FROM manifest m "
        "JOIN image i ON i.number = m.image WHERE i.id = ? ORDER BY m.added DESC, m.repository",
        {image.hex()}));
    while (TRY(rows.next()))
        out.push_back({rows.text(0), TRY(oci::Digest::from_hex_text(rows.text(1))), rows.text(2),
                       rows.text(3)});
    return out;
}

Result<std::vector<Store::Blob>> Store::blobs_of(const oci::Digest& diff_id) {
    std::lock_guard lock(state_->mutex);
    std::vector<Blob> out;
    Rows rows = TRY(state_->db.query(
        "SELECT digest, size, media_type FROM blob WHERE diff_id = ? ORDER BY digest",
        {diff_id.hex()}));
    while (TRY(rows.next()))
        out.push_back({TRY(oci::Digest::from_hex_text(rows.text(0))), diff_id, rows.integer(1),
                       rows.text(2)});
    return out;
}

Result<std::vector<std::string>> Store::places_of(const oci::Digest& blob) {
    std::lock_guard lock(state_->mutex);
    std::vector<std::string> out;
    Rows rows = TRY(state_->db.query(
        "SELECT repository FROM blob_place WHERE digest = ? ORDER BY repository", {blob.hex()}));
    while (TRY(rows.next())) out.push_back(rows.text(0));
    return out;
}

}  // namespace crank::store
