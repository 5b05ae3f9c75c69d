// Layers: made, imported, found, written out.
#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "store/byte_source.h"
#include "store/description.h"
#include "store/layer_tar.h"
#include "store/normalise.h"
#include "store/recipe.h"
#include "store/state.h"
#include "store/unpack.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::int64_t kMaxLayerBytes = std::int64_t{1} << 40;

}  // namespace

Result<> Store::State::protect_layers() {
    std::lock_guard lock(mutex);
    if (layers_protected) return {};
    TRY(sys::lock_byte(locks.get(), kLayersByte, sys::LockMode::shared));
    layers_protected = true;
    return {};
}

Result<std::optional<Store::State::LayerRow>> Store::State::layer_row(const oci::Digest& diff_id) {
    Rows rows =
        TRY(db.query("SELECT number, size, tar_size, origin FROM layer "
                     "WHERE diff_id = ? AND damaged = 0",
                     {diff_id.hex()}));
    if (!TRY(rows.next())) return std::optional<LayerRow>();
    LayerRow row;
    row.layer = {diff_id, rows.integer(0), rows.integer(1), rows.integer(2)};
    row.origin = static_cast<Origin>(rows.integer(3));
    fresh.insert(row.layer.number);
    return std::optional(row);
}

Result<Layer> Store::State::settle(const std::string& made, const std::string& scratch, Layer layer,
                                   Origin origin) {
    std::lock_guard lock(mutex);
    auto transaction = TRY(Transaction::begin(db, Durability::ordered));
    if (auto row = TRY(layer_row(layer.diff_id))) return row->layer;
    std::int64_t damaged = TRY(give_up_damaged(layer.diff_id));
    TRY(db.run("INSERT INTO layer(diff_id, size, tar_size, origin, boot) VALUES(?, ?, ?, ?, ?)",
               {layer.diff_id.hex(), layer.size, layer.tar_size, static_cast<int>(origin), boot}));
    layer.number = db.last_insert_number();
    if (damaged != 0) TRY(replace_layer(damaged, layer.number));
    std::string place = layer_dir(layer.number);
    crash_point("store.layer.before_rename");
    // The number is new, so a directory of that name belongs to a command that was killed between
    // this rename and its commit.
    if (sys::exists(place)) TRY(sys::rename(place, scratch + "/orphan"));
    TRY(sys::rename_new(made, place));
    // Images name it from the commit on, and no add_image() has to come that would sync it.
    if (damaged != 0) TRY(sync_root());
    crash_point("store.layer.before_commit");
    auto committed = transaction.commit();
    if (!committed) {
        (void)sys::rename_new(place, made);
        return fail(std::move(committed).error());
    }
    crash_point("store.layer.after_commit");
    fresh.insert(layer.number);
    return layer;
}

Result<Staging> Store::stage() {
    Owned owned = TRY(make_owned_dir(state_->root));
    Staging staging;
    staging.path_ = std::move(owned.path);
    staging.lock_ = std::move(owned.lock);
    staging.upper_ = staging.path_ + "/upper";
    staging.work_ = staging.path_ + "/work";
    for (const std::string* path : {&staging.upper_, &staging.work_})
        TRY(sys::make_dir(*path, 0755));
    TRY(sys::set_mode_at(staging.lock_.get(), "upper", 0755));  // whatever the umask is
    return staging;
}

Result<Layer> Store::commit(Staging staging, const CommitOptions& options) {
    TRY(state_->protect_layers());
    TRY(normalise_tree(staging.upper(), options));
    std::vector<TreeFile> files;
    auto stats = TRY(store::write_layer_tar(
        staging.upper(), {}, [&](TreeFile file) { files.push_back(std::move(file)); }));
    if (auto known = TRY(find_layer(stats.digest))) return *known;
    std::string made = staging.path() + "/layer";
    TRY(sys::make_dir(made, 0700));
    TRY(sys::rename(staging.upper(), made + "/fs"));
    auto dir = TRY(sys::open_dir(made));
    auto tree = TRY(sys::open_dir_at(dir.get(), "fs"));
    NewLayer shared;
    std::uint64_t version = state_->shared.version();
    TRY(share_tree(state_->shared, shared, dir.get(), tree.get(), files));
    Layer layer{stats.digest, 0, stats.file_bytes, stats.tar_bytes};
    return state_->settle_shared(made, staging, shared, version, layer, Origin::written);
}

Result<Layer> Store::State::settle_shared(const std::string& made, const Staging& staging,
                                          NewLayer& files, std::uint64_t seen_version, Layer layer,
                                          Origin origin) {
    auto dir = TRY(sys::open_dir(made));
    std::lock_guard lock(sharing_mutex);
    if (shared.version() != seen_version) {
        auto tree = TRY(sys::open_dir_at(dir.get(), "fs"));
        TRY(share_rest(shared, files, dir.get(), tree.get()));
    }
    // However the threads that made them came along: lists of layers that are alike are alike.
    std::ranges::sort(files.files(), {}, &NewLayer::File::path);
    TRY(write_layer_files(dir.get(), files.list()));
    TRY(shared.describe(dir.get(), files));
    crash_point("store.layer.after_share");
    Layer settled = TRY(settle(made, staging.path(), layer, origin));
    // Still there: another layer of the same content was first.
    if (!sys::exists(made)) shared.add(settled.number, files.files());
    return settled;
}

Result<Layer> Store::import_tar(const std::string& tar_path, const oci::Digest& expected) {
    auto fd = TRY(sys::open_file(tar_path));
    auto range = TRY(sys::seekable_range(fd.get()));
    if (!range) return fail(Code::invalid_argument, tar_path + " is not a regular file");
    return import_range(fd.get(), 0, range->size, expected, tar_path);
}

Result<Layer> Store::import_range(int fd, std::int64_t offset, std::int64_t size,
                                  const oci::Digest& expected, const std::string& name) {
    auto open = [&]() -> Result<std::unique_ptr<ByteSource>> {
        return decompress(std::make_unique<RangeSource>(fd, offset, size, name), kMaxLayerBytes,
                          name);
    };
    return TRY_IN(import(open, expected), "layer " + expected.str());
}

namespace {

struct Unpacked {
    UnpackStats stats;
    std::int64_t tar_size = 0;
};

// Into `made`/fs and `made`/recipe.
Result<Unpacked> unpack(ByteSource& source, const oci::Digest& expected, int made,
                        Sharing sharing) {
    auto tree = TRY(sys::open_dir_at(made, "fs"));
    RecipeWriter recipe(TRY(sys::create_file_at(made, "recipe", 0600)));
    HashingSource hashed(source);
    TarReader reader(hashed, TarLimits{}, "it");
    reader.observe_structure([&](Bytes bytes) { return recipe.structure(bytes); });
    Unpacker unpacker(
        tree.get(),
        [&](const std::string& path, std::int64_t size) { return recipe.payload(path, size); },
        sharing);
    Unpacked out;
    out.stats = TRY(unpacker.run(reader));
    oci::Digest digest = TRY(hashed.finish());
    if (digest != expected)
        return fail(Code::corrupt, "its content has the digest " + digest.str());
    TRY(recipe.finish());
    out.tar_size = hashed.size();
    return out;
}

// No recipe can say where the payload of an entry that was replaced is: the whole tar is kept.
Result<> keep_tar(ByteSource& source, const oci::Digest& expected, int made) {
    TRY(sys::remove_at(made, "recipe"));
    auto file = TRY(sys::create_file_at(made, "tar", 0600));
    HashingSource hashed(source);
    TRY(copy_all(hashed, [&](Bytes bytes) {
        return sys::write_all(file.get(),
                              {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "tar");
    }));
    if (TRY(hashed.finish()) != expected)
        return fail(Code::corrupt, "it changed while it was read");
    return {};
}

// Of a layer that replaced entries of its own: the files that it has in the end.
Result<> list_again(int made, NewLayer& files) {
    files.clear();
    for (LayerFile& file : TRY(list_tree(made)))
        files.add({std::move(file.path), file.hash, false});
    return {};
}

}  // namespace

Result<Layer> Store::import(const std::function<Result<std::unique_ptr<ByteSource>>()>& open,
                            const oci::Digest& expected) {
    if (auto layer = TRY(find_layer(expected))) return *layer;
    Staging staging = TRY(stage());
    std::string made = staging.path() + "/layer";
    TRY(sys::make_dir(made, 0700));
    TRY(sys::rename(staging.upper(), made + "/fs"));
    auto dir = TRY(sys::open_dir(made));
    auto source = TRY(open());
    NewLayer files;
    std::uint64_t version = state_->shared.version();
    Unpacked unpacked = TRY(unpack(*source, expected, dir.get(), {&state_->shared, &files}));
    if (unpacked.stats.replaced) {
        TRY(keep_tar(*TRY(open()), expected, dir.get()));
        TRY(list_again(dir.get(), files));
    }
    TRY(sys::set_mtime_at(dir.get(), "fs", 0, 0));
    Layer layer{expected, 0, unpacked.stats.file_bytes, unpacked.tar_size};
    return state_->settle_shared(made, staging, files, version, layer,
                                 unpacked.stats.replaced ? Origin::kept : Origin::recipe);
}

Result<std::optional<Layer>> Store::find_layer(const oci::Digest& diff_id) {
    if (state_->mode == OpenMode::read_write) TRY(state_->protect_layers());
    std::lock_guard lock(state_->mutex);
    auto row = TRY(state_->layer_row(diff_id));
    return row ? std::optional(row->layer) : std::nullopt;
}

std::string Store::layer_path(const Layer& layer) const {
    return state_->layer_dir(layer.number) + "/fs";
}

Result<LayerStack> Store::stack(std::span<const oci::Digest> diff_ids) {
    std::vector<std::int64_t> numbers;
    for (const oci::Digest& diff_id : diff_ids) {
        auto layer = TRY(find_layer(diff_id));
        if (!layer) return fail(Code::not_found, "layer " + diff_id.str() + " is not in the store");
        numbers.push_back(layer->number);
    }
    std::lock_guard lock(state_->mutex);
    return LayerStack{state_->root, TRY(state_->lower_of(numbers))};
}

Result<> Store::State::emit_tar(std::int64_t number, Origin origin,
                                const std::function<Result<>(Bytes)>& sink) {
    auto dir = TRY(sys::open_dir(layer_dir(number)));
    if (origin == Origin::written) {
        TRY(store::write_layer_tar(layer_dir(number) + "/fs", sink));
        return {};
    }
    if (origin == Origin::recipe) {
        auto recipe = TRY(open_description(dir.get(), "recipe", "the layer's recipe"));
        auto tree = TRY(sys::open_dir_at(dir.get(), "fs"));
        return replay_recipe(*recipe, tree.get(), sink);
    }
    auto tar = TRY(sys::open_file_at(dir.get(), "tar"));
    FdSource source(tar.get(), "its tar");
    TRY(copy_all(source, sink));
    return {};
}

Result<> Store::write_layer_tar(const oci::Digest& diff_id, int fd) {
    std::optional<State::LayerRow> row;
    {
        std::lock_guard lock(state_->mutex);
        row = TRY(state_->layer_row(diff_id));
    }
    if (!row) return fail(Code::not_found, "layer " + diff_id.str() + " is not in the store");
    oci::Hasher hasher;
    auto sink = [&](Bytes bytes) -> Result<> {
        hasher.update(bytes);
        return sys::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              "layer " + diff_id.str());
    };
    TRY_IN(state_->emit_tar(row->layer.number, row->origin, sink), "layer " + diff_id.str());
    if (hasher.finish() != diff_id)
        return fail(Error(Code::corrupt, "layer " + diff_id.str() + " was changed on disk in " +
                                             state_->layer_dir(row->layer.number))
                        .with_hint("crank image verify --repair"));
    return {};
}

}  // namespace crank::store
