// Proving what is stored against its digests, and repairing from what is left.
#include <algorithm>
#include <map>
#include <set>

#include "base/crash_point.h"
#include "store/state.h"
#include "store/unpack.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::uint32_t kTurns = 4;  // equal files of one layer that are looked at for a sound one

struct StoredLayer {
    std::int64_t number = 0;
    oci::Digest diff_id;
    Origin origin = Origin::written;
    bool damaged = false;
    std::vector<std::string> images = {};  // as a person knows them
    std::vector<oci::Digest> image_ids = {};
};

// Calls `visit(dirfd, name, path, attributes)` for each regular file below.
template <class F>
Result<> each_file(int dirfd, const std::string& prefix, F&& visit) {
    for (const std::string& name : TRY(sys::list_at(dirfd))) {
        auto attributes = TRY(sys::attributes_at(dirfd, name));
        if (attributes.is_regular()) TRY(visit(dirfd, name, prefix + name, attributes));
        if (!attributes.is_dir()) continue;
        auto child = TRY(sys::open_dir_at(dirfd, name));
        TRY(each_file(child.get(), prefix + name + "/", visit));
    }
    return {};
}

std::string shown_name(const Image& image) {
    if (image.tags.empty()) return image.id.str();
    auto reference = oci::Reference::parse(image.tags.front());
    return reference ? reference->familiar() : image.tags.front();
}

}  // namespace

class Verifier {
public:
    Verifier(Store& store, Store::State& state, Repair repair)
        : store_(store), state_(state), repair_(repair) {}

    Result<VerifyReport> run(std::span<const std::string> names) {
        std::vector<Image> images;
        for (const std::string& name : names) images.push_back(TRY(store_.find(name)));
        if (names.empty()) images = TRY(store_.list());
        for (const Image& image : images) TRY(check_image(image));
        TRY(collect_layers(images, names.empty()));
        TRY(check_pool(names.empty()));
        for (auto& [number, layer] : layers_) TRY(check_layer(layer));
        return std::move(report_);
    }

private:
    Result<> check_image(const Image& image) {
        ++report_.images;
        auto json = TRY(store_.config_json(image.id));
        if (oci::Digest::of(json) != image.id)
            report_.damage.push_back({.what = "the configuration of image " + image.id.str(),
                                      .images = {shown_name(image)},
                                      .layer = {},
                                      .image_ids = {image.id}});
        return {};
    }

    Result<> collect_layers(const std::vector<Image>& images, bool all) {
        std::map<std::int64_t, const Image*> wanted;
        for (const Image& image : images) wanted[image.number] = &image;
        for (const LayerUse& use : TRY(store_.layers())) {
            StoredLayer layer{use.layer.number, use.layer.diff_id};
            for (std::int64_t number : use.images)
                if (auto image = wanted.find(number); image != wanted.end()) {
                    layer.images.push_back(shown_name(*image->second));
                    layer.image_ids.push_back(image->second->id);
                }
            if (!all && layer.images.empty()) continue;
            std::lock_guard lock(state_.mutex);
            Rows rows = TRY(state_.db.query("SELECT origin, damaged FROM layer WHERE number = ?",
                                            {layer.number}));
            if (!TRY(rows.next())) continue;  // it went meanwhile
            layer.origin = static_cast<Origin>(rows.integer(0));
            layer.damaged = rows.integer(1) != 0;
            layers_.emplace(layer.number, std::move(layer));
        }
        return {};
    }

    std::string dir_of(const StoredLayer& layer) const { return state_.layer_dir(layer.number); }

    // Damaged entries leave the pool; the trees that have them are found below.
    Result<> check_pool(bool all) {
        if (!sys::exists(state_.root + "/o")) return {};
        pool_ = TRY(Pool::open(state_.root));
        std::set<std::string> paths;
        if (all) {
            for (const std::string& prefix : TRY(sys::list_at(pool_->fd()))) {
                auto dir = sys::open_dir_at(pool_->fd(), prefix);
                if (!dir) continue;
                for (const std::string& name : TRY(sys::list_at(dir->get())))
                    paths.insert(prefix + "/" + name);
            }
        } else {
            for (const auto& [number, layer] : layers_)
                for (const PoolKey& key : keys_of(layer)) paths.insert(key.path());
        }
        for (const std::string& path : paths) TRY(check_entry(path));
        return {};
    }

    std::vector<PoolKey> keys_of(const StoredLayer& layer) {
        auto dir = sys::open_dir(dir_of(layer));
        auto keys = dir ? LayerKeys::read(dir->get()) : Result<std::vector<PoolKey>>();
        return keys ? *std::move(keys) : std::vector<PoolKey>();
    }

    Result<> check_entry(const std::string& path) {
        std::string name = path.substr(0, 2) + path.substr(3);
        auto attributes = sys::attributes_at(pool_->fd(), path);
        if (!attributes) return {};  // it went meanwhile
        ++report_.files;
        auto key = PoolKey::parse(name);
        auto digest = digest_of_file(pool_->fd(), path);
        if (key && digest && *digest == key->digest) return {};
        bad_inodes_.insert(attributes->inode);
        return sys::remove_at(pool_->fd(), path);
    }

    // Whether the layer's bytes are what its digest says.
    Result<bool> is_sound(const StoredLayer& layer) {
        oci::Hasher hasher;
        auto emitted = state_.emit_tar(layer.number, layer.origin, [&](Bytes bytes) -> Result<> {
            hasher.update(bytes);
            return {};
        });
        if (!emitted) {
            Code code = emitted.error().code();
            if (code == Code::exhausted || code == Code::permission_denied)
                return fail(std::move(emitted).error());
            return false;
        }
        if (hasher.finish() != layer.diff_id) return false;
        // A kept tar says nothing of the tree beside it.
        return layer.origin != Origin::kept || TRY(bad_files(layer)).empty();
    }

    struct BadFile {
        std::string path;
        std::int64_t size = 0;
    };
    // Files that the layer's list of keys does not know.
    Result<std::vector<BadFile>> bad_files(const StoredLayer& layer) {
        std::set<oci::Digest> wanted;
        for (const PoolKey& key : keys_of(layer)) wanted.insert(key.digest);
        std::vector<BadFile> bad;
        if (wanted.empty()) return bad;
        auto tree = sys::open_dir(dir_of(layer) + "/fs");
        if (!tree) return bad;
        missing_ = wanted;
        TRY(each_file(tree->get(), "",
                      [&](int dirfd, const std::string& name, const std::string& path,
                          const sys::Attributes& attributes) -> Result<> {
                          if (!is_shareable(path, std::max<std::int64_t>(attributes.size, 1)))
                              return {};
                          auto digest = digest_of_file(dirfd, name);
                          if (digest) missing_.erase(*digest);
                          bool known = digest && wanted.contains(*digest);
                          bool empty =
                              attributes.size == 0 && !bad_inodes_.contains(attributes.inode);
                          if (!known && !empty) bad.push_back({path, attributes.size});
                          return {};
                      }));
        return bad;
    }

    Result<> check_layer(StoredLayer& layer) {
        ++report_.layers;
        bool sound = TRY(is_sound(layer));
        if (sound) return layer.damaged ? mark(layer, false) : Result<>();
        auto bad = bad_files(layer);
        Damage damage{.what = "layer " + layer.diff_id.str(),
                      .images = layer.images,
                      .layer = layer.diff_id,
                      .image_ids = layer.image_ids};
        if (bad && !bad->empty()) damage.what = "file " + bad->front().path + " of " + damage.what;
        if (bad && bad->size() > 1)
            damage.what += " and " + std::to_string(bad->size() - 1) + " more";
        TRY(mark(layer, true));
        crash_point("store.verify.after_mark");
        if (repair_ == Repair::yes) damage.repaired = TRY(repair(layer, bad));
        report_.damage.push_back(std::move(damage));
        return {};
    }

    Result<> mark(const StoredLayer& layer, bool damaged) {
        std::lock_guard lock(state_.mutex);
        auto transaction = TRY(Transaction::begin(state_.db, Durability::durable));
        TRY(state_.db.run("UPDATE layer SET damaged = ? WHERE number = ?",
                          {std::int64_t{damaged ? 1 : 0}, layer.number}));
        // Trees that hold links to its files are not to be mounted any more.
        if (damaged)
            TRY(
                state_.db.run("UPDATE merged SET layers = 'damaged ' || number "
                              "WHERE ',' || layers || ',' LIKE '%,' || ? || ',%'",
                              {layer.number}));
        return transaction.commit();
    }

    Result<bool> repair(const StoredLayer& layer, const Result<std::vector<BadFile>>& bad) {
        if (layer.origin == Origin::kept) {
            auto again = store_.import_tar(dir_of(layer) + "/tar", layer.diff_id);
            if (!again) return false;
            StoredLayer made = layer;
            made.number = again->number;
            return TRY(is_sound(made));
        }
        if (!bad || bad->empty() || !pool_) return false;
        auto tree = TRY(sys::open_dir(dir_of(layer) + "/fs"));
        for (const BadFile& file : *bad)
            if (!TRY(take_equal(tree.get(), file, bad->size() == 1))) return false;
        if (!TRY(is_sound(layer))) return false;
        TRY(mark(layer, false));
        return true;
    }

    // One of the entries that the layer should have and that are sound; of the same size, unless
    // there is no choice.
    Result<bool> take_equal(int treefd, const BadFile& file, bool alone) {
        for (const oci::Digest& digest : missing_)
            for (std::uint32_t turn = 0; turn < kTurns; ++turn) {
                PoolKey key{digest, turn};
                auto attributes = sys::attributes_at(pool_->fd(), key.path());
                bool fits = attributes &&
                            (attributes->size == file.size || (alone && missing_.size() == 1));
                if (!fits) continue;
                auto found = digest_of_file(pool_->fd(), key.path());
                if (!found || *found != digest) continue;
                TRY(put(treefd, file.path, key));
                missing_.erase(digest);
                return true;
            }
        return false;
    }

    // The directory keeps its time.
    Result<> put(int treefd, const std::string& path, const PoolKey& key) {
        std::size_t slash = path.rfind('/');
        auto dir = TRY(
            sys::open_dir_in_root(treefd, slash == std::string::npos ? "" : path.substr(0, slash)));
        std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
        auto before = TRY(sys::attributes_at(dir.get(), ""));
        TRY(sys::remove_at(dir.get(), name));
        if (TRY(pool_->take(key, dir.get(), name)) != sys::LinkOutcome::made)
            return fail(Code::io, "cannot link the file " + path);
        return sys::set_mtime_at(dir.get(), "", before.mtime, before.mtime_ns);
    }

    Store& store_;
    Store::State& state_;
    Repair repair_;
    VerifyReport report_;
    std::map<std::int64_t, StoredLayer> layers_;
    std::optional<Pool> pool_;
    std::set<std::uint64_t> bad_inodes_;
    std::set<oci::Digest> missing_;  // keys of the layer at hand that no file of its tree has
};

Result<VerifyReport> Store::verify(std::span<const std::string> names, Repair repair) {
    TRY(state_->protect_layers());
    return Verifier(*this, *state_, repair).run(names);
}

}  // namespace crank::store
