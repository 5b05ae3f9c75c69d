// Proving what is stored against its digests, and repairing from what is left.
#include <algorithm>
#include <map>
#include <set>

#include "base/crash_point.h"
#include "store/each_file.h"
#include "store/state.h"
#include "store/tree_path.h"
#include "store/unpack.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

struct StoredLayer {
    std::int64_t number = 0;
    oci::Digest diff_id;
    Origin origin = Origin::written;
    bool damaged = false;
    std::vector<std::string> images = {};  // as a person knows them
    std::vector<oci::Digest> image_ids = {};
};

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

    std::vector<LayerFile> files_of(const StoredLayer& layer) {
        auto dir = sys::open_dir(dir_of(layer));
        auto files = dir ? read_layer_files(dir->get()) : Result<std::vector<LayerFile>>();
        return files ? *std::move(files) : std::vector<LayerFile>();
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
        NewLayer files;
        return layer.origin != Origin::kept || TRY(bad_files(layer, files)).empty();
    }

    struct BadFile {
        std::vector<std::string> paths;  // all of its names; of one that is missing, the listed one
        FileHash hash = 0;
    };
    // Those that are not what the layer's list says. `sound` gets the inodes of the others.
    Result<std::vector<BadFile>> bad_files(const StoredLayer& layer, NewLayer& sound) {
        std::vector<BadFile> bad;
        auto tree = sys::open_dir(dir_of(layer) + "/fs");
        if (!tree) return bad;
        std::map<std::uint64_t, BadFile> inodes;
        for (const LayerFile& file : files_of(layer)) {
            std::string name = name_of(file.path);
            auto dir = sys::open_dir_in_root(tree->get(), parent_of(file.path));
            auto found = dir ? sys::attributes_at(dir->get(), name) : Result<sys::Attributes>();
            auto hash = dir && found ? hash_of_file(dir->get(), name) : Result<FileHash>();
            if (hash && found && *hash == file.hash) continue;
            if (found && found->is_regular())
                inodes[found->inode].hash = file.hash;
            else
                bad.push_back({{file.path}, file.hash});
        }
        TRY(each_file(tree->get(), "",
                      [&](int, const std::string&, const std::string& path,
                          const sys::Attributes& attributes) -> Result<> {
                          if (auto at = inodes.find(attributes.inode); at != inodes.end())
                              at->second.paths.push_back(path);
                          else
                              sound.claim(attributes.inode);
                          return {};
                      }));
        for (auto& [inode, file] : inodes) bad.push_back(std::move(file));
        return bad;
    }

    Result<> check_layer(StoredLayer& layer) {
        ++report_.layers;
        report_.files += files_of(layer).size();
        bool sound = TRY(is_sound(layer));
        if (sound) return layer.damaged ? mark(layer, false) : Result<>();
        NewLayer files;
        auto bad = bad_files(layer, files);
        Damage damage{.what = "layer " + layer.diff_id.str(),
                      .images = layer.images,
                      .layer = layer.diff_id,
                      .image_ids = layer.image_ids};
        if (bad && !bad->empty())
            damage.what = "file " + bad->front().paths.front() + " of " + damage.what;
        if (bad && bad->size() > 1)
            damage.what += " and " + std::to_string(bad->size() - 1) + " more";
        TRY(mark(layer, true));
        crash_point("store.verify.after_mark");
        if (repair_ == Repair::yes) damage.repaired = TRY(repair(layer, bad, files));
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

    Result<bool> repair(const StoredLayer& layer, const Result<std::vector<BadFile>>& bad,
                        NewLayer& sound) {
        if (layer.origin == Origin::kept) {
            auto again = store_.import_tar(dir_of(layer) + "/tar", layer.diff_id);
            if (!again) return false;
            StoredLayer made = layer;
            made.number = again->number;
            return TRY(is_sound(made));
        }
        if (!bad || bad->empty()) return false;
        auto dir = TRY(sys::open_dir(dir_of(layer)));
        // Where one has no copy, the digest tells whether it was bad at all.
        for (const BadFile& file : *bad) TRY(put_equal(dir.get(), file, sound));
        if (!TRY(is_sound(layer))) return false;
        TRY(mark(layer, false));
        return true;
    }

    // Another layer's file in the place of a bad one, beside the tree first.
    Result<> put_equal(int layerfd, const BadFile& file, NewLayer& sound) {
        const std::string between = "repaired";
        auto left = sys::remove_at(layerfd, between);  // by a command that was killed here
        if (!left && left.error().code() != Code::not_found) return left;
        auto taken = TRY(state_.shared.take_by_hash(file.hash, sound, layerfd, between));
        if (taken != sys::LinkOutcome::made) return {};
        crash_point("store.verify.after_take");
        auto tree = TRY(sys::open_dir_at(layerfd, "fs"));
        for (const std::string& path : file.paths) TRY(put(layerfd, between, tree.get(), path));
        return sys::remove_at(layerfd, between);
    }

    // The directory keeps its time.
    static Result<> put(int layerfd, const std::string& from, int treefd, const std::string& path) {
        const std::string name_between = "repaired-name";
        auto left = sys::remove_at(layerfd, name_between);
        if (!left && left.error().code() != Code::not_found) return left;
        TRY(sys::hard_link_at(layerfd, from, layerfd, name_between));
        auto dir = TRY(sys::open_dir_in_root(treefd, parent_of(path)));
        auto before = TRY(sys::attributes_at(dir.get(), ""));
        TRY(sys::rename_at(layerfd, name_between, dir.get(), name_of(path)));
        return sys::set_mtime_at(dir.get(), "", before.mtime, before.mtime_ns);
    }

    Store& store_;
    Store::State& state_;
    Repair repair_;
    VerifyReport report_;
    std::map<std::int64_t, StoredLayer> layers_;
};

Result<VerifyReport> Store::verify(std::span<const std::string> names, Repair repair) {
    TRY(state_->protect_layers());
    return Verifier(*this, *state_, repair).run(names);
}

}  // namespace crank::store
