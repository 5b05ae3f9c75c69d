#include <algorithm>

#include "base/crash_point.h"
#include "base/undo.h"
#include "exchange/archive.h"
#include "exchange/saved.h"
#include "oci/index_edit.h"
#include "store/byte_source.h"
#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::exchange {

namespace {

using store::Store;

// What is being written; one save at a time has the directory's lock, so what is found under these
// names is left over.
constexpr const char* kNewBlob = ".crank-blob";
constexpr const char* kNewIndex = ".crank-index";
constexpr std::size_t kMaxIndex = std::size_t{4} << 20;

std::string annotation(const oci::Descriptor& descriptor, const char* key) {
    auto at = descriptor.annotations.find(key);
    return at == descriptor.annotations.end() ? std::string() : at->second;
}

class LayoutWriter {
public:
    LayoutWriter(Store& store, std::string path) : store_(store), path_(std::move(path)) {}

    Result<> run(const std::vector<SavedImage>& images) {
        TRY(open());
        for (const SavedImage& saved : images) TRY(write_image(saved));
        if (!has_layout_) {
            TRY(sys::write_new_file_at(dir_.get(), "oci-layout", kOciLayout, 0644, {}));
            undo_.add([this] { return sys::remove_at(dir_.get(), "oci-layout"); });
        }
        TRY(sys::sync_file_system(dir_.get(), path_));
        crash_point("exchange.save_layout.before_index");
        TRY(replace_index());
        undo_.commit();
        return {};
    }
    Error undo(Error error) { return undo_.run(std::move(error)); }

private:
    Result<> open() {
        auto made = sys::make_dir(path_, 0755);
        if (made) undo_.add([this] { return sys::remove_tree(path_); });
        if (!made && made.error().code() != Code::already_exists) return made;
        dir_ = TRY(sys::open(path_, sys::kReadOnly | sys::kDirectory));
        TRY(sys::lock(dir_.get(), sys::LockMode::exclusive));
        auto entries = TRY(sys::read_dir(dir_.get(), path_));
        auto has = [&](std::string_view name) {
            return std::ranges::any_of(entries, [&](const auto& e) { return e.name == name; });
        };
        has_layout_ = has("oci-layout");
        // A save that was killed leaves blobs without an index.
        bool ours = std::ranges::all_of(entries, [](const sys::DirEntry& entry) {
            return entry.name == "blobs" || entry.name.starts_with(".crank-");
        });
        if (has_layout_ && has("index.json")) {
            auto file = TRY(sys::open_file_in_root(dir_.get(), "index.json"));
            index_json_ = TRY(sys::read_all(file.get(), kMaxIndex, path_ + "/index.json"));
            index_ = TRY_IN(oci::parse_index(index_json_), path_ + "/index.json");
        } else if (!has_layout_ && !ours) {
            return fail(
                Error(Code::failed_precondition, path_ + " is neither an OCI layout nor empty")
                    .with_hint("name a directory that is not there yet"));
        }
        if (index_json_.empty()) {
            index_.media_type = oci::kMediaTypeIndex;
            index_json_ = oci::serialize(index_);
        }
        blobs_ = TRY(sys::make_dirs_in_root(dir_.get(), "blobs/sha256", 0755));
        for (const char* name : {kNewBlob, kNewIndex})
            for (int dir : {dir_.get(), blobs_.get()}) TRY(remove_left(dir, name));
        return {};
    }

    static Result<> remove_left(int dir, const char* name) {
        auto removed = sys::remove_at(dir, name);
        if (removed || removed.error().code() == Code::not_found) return {};
        return removed;
    }

    Result<> write_image(const SavedImage& saved) {
        SavedManifest manifest = TRY(oci_manifest(store_, saved));
        for (const store::Layer& layer : saved.layers)
            TRY(write_blob(layer.diff_id,
                           [&](int fd) { return store_.write_layer_tar(layer.diff_id, fd); }));
        auto text = [](const std::string& content) {
            return [&content](int fd) { return sys::write_all(fd, content, "a blob"); };
        };
        TRY(write_blob(saved.image.id, text(saved.config_json)));
        TRY(write_blob(manifest.descriptor.digest, text(manifest.json)));
        for (const std::string& tag : saved.tags) TRY(add(manifest.descriptor, tag));
        if (saved.tags.empty()) add_nameless(manifest.descriptor);
        return {};
    }

    Result<> write_blob(const oci::Digest& digest, const std::function<Result<>(int)>& content) {
        if (TRY(is_there(digest))) return {};
        auto write = [&]() -> Result<> {
            auto file = TRY(sys::create_file_at(blobs_.get(), kNewBlob, 0644));
            TRY(content(file.get()));
            return sys::rename_at(blobs_.get(), kNewBlob, blobs_.get(), digest.hex());
        };
        auto written = write();
        if (!written) {
            (void)remove_left(blobs_.get(), kNewBlob);
            return written;
        }
        undo_.add([this, digest] { return sys::remove_at(blobs_.get(), digest.hex()); });
        return {};
    }

    // One that is damaged is written again.
    Result<bool> is_there(const oci::Digest& digest) {
        auto entry = TRY(sys::open_entry(blobs_.get(), digest.hex()));
        if (!entry) return false;
        auto file = sys::reopen_for_reading(entry->get(), digest.str());
        if (file) {
            store::FdSource source(file->get(), digest.str());
            store::HashingSource hashed(source);
            if (TRY(hashed.finish()) == digest) return true;
        }
        TRY(sys::remove_at(blobs_.get(), digest.hex()));
        return false;
    }

    // The tag is what a layout calls an image, unless it calls another one so already.
    Result<> add(const oci::Descriptor& manifest, const std::string& tag) {
        std::string ref_name = tag_of(tag);
        auto takes = [&](const oci::Descriptor& other) {
            return annotation(other, kRefName) == ref_name &&
                   annotation(other, kContainerdName) != tag;
        };
        if (std::ranges::any_of(index_.manifests, takes) || std::ranges::any_of(added_, takes))
            ref_name = tag;
        for (std::size_t i = 0; i < index_.manifests.size(); ++i)
            if (annotation(index_.manifests[i], kContainerdName) == tag) removed_.insert(i);
        added_.push_back(named(manifest, tag, ref_name));
        return {};
    }
    void add_nameless(const oci::Descriptor& manifest) {
        for (const oci::Descriptor& other : index_.manifests)
            if (other.digest == manifest.digest) return;
        added_.push_back(manifest);
    }

    Result<> replace_index() {
        std::string json = TRY(oci::edit_index(index_json_, removed_, added_));
        auto write = [&]() -> Result<> {
            TRY(sys::write_new_file_at(dir_.get(), kNewIndex, json, 0644, {}));
            TRY(sys::rename_at(dir_.get(), kNewIndex, dir_.get(), "index.json"));
            return sys::sync(dir_.get(), path_);
        };
        auto written = write();
        if (!written) (void)remove_left(dir_.get(), kNewIndex);
        return written;
    }

    Store& store_;
    std::string path_;
    sys::UniqueFd dir_, blobs_;
    bool has_layout_ = false;
    std::string index_json_;
    oci::Index index_;
    std::set<std::size_t> removed_;  // positions in index_
    std::vector<oci::Descriptor> added_;
    Undo undo_;
};

}  // namespace

Result<> save_layout(Store& store, const std::vector<std::string>& names, const std::string& path) {
    if (names.empty()) return fail(Code::invalid_argument, "no image to save");
    auto images = TRY(select_images(store, names));
    LayoutWriter writer(store, path);
    auto written = writer.run(images);
    if (!written) return fail(writer.undo(std::move(written).error()));
    return {};
}

}  // namespace crank::exchange
