// Images and tags.
#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/state.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr const char* kColumns = "i.number, i.id, i.config, i.layers, i.size, i.added";

std::string select(const char* rest) { return std::string("SELECT ") + kColumns + " FROM " + rest; }

std::string familiar(const std::string& tag) {
    auto reference = oci::Reference::parse(tag);
    return reference ? reference->familiar() : tag;
}

// The hexadecimal digits of an id or a prefix of one.
std::string_view hex_of(std::string_view name) {
    if (name.starts_with("sha256:")) name.remove_prefix(7);
    return name;
}

// What a name without a registry also means: podman and buildah call what they make localhost/NAME,
// and their images keep that name here (docs/decisions/0040).
std::optional<std::string> local_name(std::string_view typed) {
    if (typed.starts_with("docker.io/") || typed.starts_with("index.docker.io/")) return {};
    auto reference = oci::Reference::parse(typed);
    if (!reference || reference->digest || reference->domain != "docker.io") return {};
    auto local = oci::Reference::parse("localhost/" + std::string(typed));
    return local ? std::optional(local->str()) : std::nullopt;
}

// The first text that is greater than every text beginning with `prefix` (digits and a to f).
std::string after(std::string_view prefix) { return std::string(prefix) + "g"; }

}  // namespace

Result<Image> Store::State::image_of(const Rows& row) {
    Image image;
    image.number = row.integer(0);
    image.id = TRY(oci::Digest::from_hex_text(row.text(1)));
    image.config = TRY(oci::parse_image_config(row.text(2)));
    image.layers.base = root;
    std::vector<std::int64_t> numbers;
    if (std::string text = row.text(3); !text.empty())
        for (const std::string& number : split(text, ','))
            numbers.push_back(parse_int(number).value_or(0));
    image.layers.lower = TRY(lower_of(numbers));
    image.size = row.integer(4);
    image.added = time_of(row.integer(5));
    return image;
}

Result<std::vector<std::string>> Store::State::tags_of(std::int64_t image) {
    std::vector<std::string> tags;
    Rows rows = TRY(db.query("SELECT name FROM tag WHERE image = ? ORDER BY name", {image}));
    while (TRY(rows.next())) tags.push_back(rows.text(0));
    return tags;
}

Result<std::optional<Image>> Store::State::find_tag(std::string_view tag) {
    Rows rows = TRY(db.query(select("tag t JOIN image i ON i.number = t.image "
                                    "WHERE t.name = ?")
                                 .c_str(),
                             {tag}));
    if (!TRY(rows.next())) return std::optional<Image>();
    return std::optional(TRY(image_of(rows)));
}

Result<Image> Store::State::find(std::string_view name) {
    auto reference = oci::Reference::parse(name);
    std::optional<Image> found;
    if (reference && !reference->digest) {
        found = TRY(find_tag(reference->str()));
        if (auto local = local_name(name); local && !found) found = TRY(find_tag(*local));
    }
    if (reference && reference->digest)
        if (auto number = TRY(image_of_manifest(*reference))) {
            Rows rows = TRY(db.query(select("image i WHERE i.number = ?").c_str(), {*number}));
            if (TRY(rows.next())) found = TRY(image_of(rows));
        }
    std::string_view hex = hex_of(name);
    std::string digest_hex;
    if (reference && reference->digest) hex = digest_hex = reference->digest->hex();
    if (!found && (oci::looks_like_id(name) || !digest_hex.empty())) {
        Rows rows = TRY(db.query(select("image i WHERE i.id >= ? AND i.id < ? LIMIT 2").c_str(),
                                 {hex, after(hex)}));
        if (TRY(rows.next())) {
            found = TRY(image_of(rows));
            if (TRY(rows.next()))
                return fail(Error(Code::invalid_argument,
                                  "the id '" + std::string(name) + "' is the beginning of several")
                                .with_hint("give more digits of it"));
        }
    }
    if (found) {
        found->tags = TRY(tags_of(found->number));
        return *std::move(found);
    }
    if (!reference && !oci::looks_like_id(name)) return fail(std::move(reference).error());
    return fail(no_such_image(name));
}

// With the nearest name, on the way to an error: this alone looks at all of them.
Error Store::State::no_such_image(std::string_view name) {
    std::vector<std::string> names;
    auto rows = db.query("SELECT name FROM tag");
    while (rows && rows->next().value_or(false)) names.push_back(familiar(rows->text(0)));
    std::vector<std::string_view> views(names.begin(), names.end());
    auto reference = oci::Reference::parse(name);
    auto nearest = did_you_mean(reference ? reference->familiar() : std::string(name), views);
    return Error(Code::not_found, "no such image: " + std::string(name))
        .with_hint(nearest ? "did you mean '" + *nearest + "'?"
                           : "'crank images' lists what is here");
}

Result<Image> Store::find(std::string_view name) {
    std::lock_guard lock(state_->mutex);
    return with_reserve(state_->root, [&] { return state_->find(name); });
}

Result<std::vector<Image>> Store::list() {
    std::lock_guard lock(state_->mutex);
    std::vector<Image> images;
    Rows rows = TRY(state_->db.query(select("image i ORDER BY i.added DESC, i.number").c_str()));
    while (TRY(rows.next())) images.push_back(TRY(state_->image_of(rows)));
    for (Image& image : images) image.tags = TRY(state_->tags_of(image.number));
    return images;
}

Result<Pin> Store::pin(const Image& image) {
    // A description of its own: the lock must outlive this object.
    Pin pin{TRY(sys::open_lock_file(state_->root + "/locks"))};
    auto gone = [&] { return fail(Code::not_found, "image " + image.id.str() + " was removed"); };
    if (!TRY(sys::try_lock_byte(pin.fd.get(), image.number, sys::LockMode::shared))) return gone();
    // It may have been removed between find() and here.
    std::lock_guard lock(state_->mutex);
    Rows rows = TRY(state_->db.query("SELECT 1 FROM image WHERE number = ?", {image.number}));
    if (!TRY(rows.next())) return gone();
    // A layer that was repaired since find() has another tree, and the old one was free to go.
    for (const std::string& lower : image.layers.lower)
        if (!sys::exists(root() + "/" + lower))
            return fail(Error(Code::failed_precondition,
                              "a layer of image " + image.id.str() + " was replaced just now")
                            .with_hint("type the command again"));
    return pin;
}

Result<std::string> Store::config_json(const oci::Digest& id) {
    std::lock_guard lock(state_->mutex);
    Rows rows = TRY(state_->db.query("SELECT config FROM image WHERE id = ?", {id.hex()}));
    if (!TRY(rows.next())) return fail(Code::not_found, "no such image: " + id.str());
    return rows.text(0);
}

// Brings every layer that may not be on disk there; returns the highest number of those that are.
Result<std::int64_t> Store::State::sync_layers() {
    std::int64_t highest = 0;
    {
        std::lock_guard lock(mutex);
        Rows rows = TRY(db.query("SELECT max(number) FROM layer WHERE boot IS NOT NULL"));
        if (TRY(rows.next())) highest = rows.integer(0);
    }
    if (highest == 0) return 0;
    TRY(sync_root());
    return highest;
}

Result<> Store::State::sync_root() {
    auto dir = TRY(sys::open_dir(root));
    return sys::sync_file_system(dir.get(), root);
}

// The row of a new image and those that say which layers it needs.
Result<> Store::State::insert_image(std::string_view id, std::string_view json,
                                    const std::vector<oci::Digest>& diff_ids) {
    std::vector<std::int64_t> layers;
    std::string numbers;
    std::int64_t size = 0;
    for (const oci::Digest& diff_id : diff_ids) {
        auto row = TRY(layer_row(diff_id));
        if (!row)
            return fail(Code::not_found,
                        "layer " + diff_id.str() + " of the image is not in the store");
        layers.push_back(row->layer.number);
        size += row->layer.size;
        if (!numbers.empty()) numbers += ',';
        numbers += std::to_string(row->layer.number);
    }
    TRY(
        db.run("INSERT INTO image(id, config, layers, size, added) VALUES(?, ?, ?, ?, ?) "
               "ON CONFLICT DO NOTHING",
               {id, json, numbers, size, now_nanoseconds()}));
    if (db.changes() == 0) return {};
    std::int64_t image = db.last_insert_number();
    for (std::int64_t layer : layers)
        TRY(db.run("INSERT OR IGNORE INTO image_layer(layer, image) VALUES(?, ?)", {layer, image}));
    return {};
}

Result<std::vector<oci::Digest>> Store::add_images(const std::vector<NewImage>& images) {
    std::vector<oci::ImageConfig> configs;
    std::vector<oci::Digest> ids;
    for (const NewImage& image : images) {
        configs.push_back(TRY(oci::parse_image_config(image.config_json)));
        ids.push_back(oci::Digest::of(image.config_json));
    }
    TRY(state_->protect_layers());
    for (const oci::ImageConfig& config : configs) TRY(state_->merge_lowest(config.diff_ids));
    // What the image names must be on disk before the image is: ext4 orders no file's data before
    // a rename.
    std::int64_t synced = TRY(state_->sync_layers());
    crash_point("store.add_image.after_sync");
    std::lock_guard lock(state_->mutex);
    auto transaction = TRY(Transaction::begin(state_->db, Durability::durable));
    for (std::size_t i = 0; i < images.size(); ++i) {
        TRY(state_->insert_image(ids[i].hex(), images[i].config_json, configs[i].diff_ids));
        for (const std::string& tag : images[i].tags) TRY(state_->insert_tag(tag, ids[i]));
        for (const Manifest& manifest : images[i].manifests)
            TRY(state_->insert_manifest(ids[i], manifest, images[i].blobs));
    }
    TRY(state_->db.run("UPDATE layer SET boot = NULL WHERE boot IS NOT NULL AND number <= ?",
                       {synced}));
    crash_point("store.add_image.before_commit");
    TRY(transaction.commit());
    crash_point("store.add_image.after_commit");
    // From here on it is the images that keep them.
    for (const oci::ImageConfig& config : configs)
        for (const oci::Digest& diff_id : config.diff_ids)
            if (auto row = TRY(state_->layer_row(diff_id))) state_->fresh.erase(row->layer.number);
    return ids;
}

Result<Image> Store::add_image(std::string_view config_json) {
    auto ids = TRY(add_images({{std::string(config_json), {}}}));
    return find(ids.front().str());
}

namespace {

// The tags that go when `name` is removed.
Result<std::vector<std::string>> tags_to_remove(const Image& image, std::string_view name) {
    auto reference = oci::Reference::parse(name);
    if (reference && std::ranges::find(image.tags, reference->str()) != image.tags.end())
        return std::vector{reference->str()};
    if (auto local = local_name(name);
        local && std::ranges::find(image.tags, *local) != image.tags.end())
        return std::vector{*local};
    if (image.tags.size() > 1)
        return fail(Error(Code::in_use, "image " + image.id.short_hex() +
                                            " has several tags: " + join(image.tags, ", "))
                        .with_hint("remove it by its tags"));
    return image.tags;
}

}  // namespace

Result<std::vector<std::string>> Store::remove(std::string_view name) {
    std::lock_guard lock(state_->mutex);
    auto report = TRY(with_reserve(state_->root, [&] { return state_->remove_rows(name); }));
    crash_point("store.remove.after_commit");
    TRY(with_reserve(state_->root, [&] { return state_->collect_layers(); }));
    return report;
}

Result<std::vector<std::string>> Store::State::remove_rows(std::string_view name) {
    auto transaction = TRY(Transaction::begin(db, Durability::durable));
    Image image = TRY(find(name));
    auto tags = TRY(tags_to_remove(image, name));
    std::vector<std::string> report;
    std::int64_t now = now_nanoseconds();
    for (const std::string& tag : tags) {
        TRY(delete_tag(tag, now));
        report.push_back("Untagged: " + familiar(tag));
    }
    sys::UniqueFd pin_lock;
    if (tags.size() == image.tags.size()) {
        pin_lock = TRY(sys::open_lock_file(root + "/locks"));
        if (!TRY(sys::try_lock_byte(pin_lock.get(), image.number, sys::LockMode::exclusive)))
            return fail(
                Error(Code::in_use, "image " + std::string(name) + " is in use by a container")
                    .with_hint("'crank ps -a' shows which; remove that first"));
        TRY(db.run("DELETE FROM image_layer WHERE image = ?", {image.number}));
        TRY(db.run("DELETE FROM image WHERE number = ?", {image.number}));
        report.push_back("Deleted: " + image.id.str());
    }
    crash_point("store.remove.before_commit");
    TRY(transaction.commit());
    return report;
}

}  // namespace crank::store
