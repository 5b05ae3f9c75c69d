// Images, layers, tags and the build cache on disk.
//
// Layout below the root (private to this room; `format` holds the number of its version, schema.h
// what each has brought; the first command brings an older store up to date):
//   crank.db      SQLite: images (their configurations too), tags, layers, build cache
//   index         where the files of all layers are, by a hash (file_index.h): hints, made anew
//                 where it is missing
//   l/N/fs        the tree of layer N as an overlay file system wants it (whiteouts are 0:0
//                 devices, opaque directories carry trusted.overlay.opaque); N is the layer's row
//   l/N/recipe    for layers that crank did not write: the bytes of the original tar that are no
//                 file's content, so that the tar can be written again without a second copy
//   l/N/files     its files with their hashes (layer_files.h): what is the same in several layers
//                 is one inode (shared_files.h)
//   l/N/recipe.base, l/N/files.base
//                 another layer's, which those are only the difference to (description.h)
//   l/N/tar       the original tar, where one name stood in it twice and no recipe can exist
//   m/N/fs        the lowest layers of an image that has many, merged: hard links (merge.h)
//   locks         byte locks: see pin()
//   reserve       space that is given up on a full disk, so that images can still be removed
//   tmp/          what is being made; anything there whose owner is gone is swept on open-for-write
//
// The tree of a layer that crank wrote is the only copy: its tar is made again, bit for bit, by
// layer_tar.h whenever the image leaves the machine.
//
// Writers take BEGIN IMMEDIATE with a bounded wait (10 s); readers wait for a commit at most. After
// a kill at any point the next open finds the old state or the new: trees are renamed into place
// before the row that names them is committed, and rows are deleted before the tree. After a power
// cut the same holds for images and tags; layers that no image needs yet (a build's) are forgotten,
// since their files may not have reached the disk: add_image() syncs the file system once, commit()
// never.
//
// A Store may be used by several threads. A layer that a Store object has committed, imported or
// found is not collected by anyone while that object lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "sys/unique_fd.h"

namespace crank::store {

class ByteSource;
enum class Formats;
class KnownFiles;
class Verifier;

// What an overlay mount of an image needs. Paths are relative to `base`, which keeps the mount
// options short (a page at most, mount(2)) and free of characters that need quoting.
struct LayerStack {
    std::string base;                // absolute: the store's root
    std::vector<std::string> lower;  // top layer first: "l/42/fs"; at most 8
};

struct Image {
    std::int64_t number = 0;  // of its row; never used twice in one store
    oci::Digest id;           // the config digest
    oci::ImageConfig config;
    std::vector<std::string> tags;  // full references, sorted
    std::int64_t size = 0;          // bytes of all its layers' files
    std::chrono::system_clock::time_point added;
    LayerStack layers;
};

// A time during which a tag named an image.
struct TagChange {
    oci::Digest image;     // its id
    bool present = false;  // false: the image is gone; a history keeps none
    std::chrono::system_clock::time_point from;
    std::optional<std::chrono::system_clock::time_point> to;  // absent: it still does
};

struct Layer {
    oci::Digest diff_id;
    std::int64_t number = 0;    // l/N
    std::int64_t size = 0;      // bytes of its regular files
    std::int64_t tar_size = 0;  // bytes of its uncompressed tar
    bool operator==(const Layer&) const = default;
};

// A layer and who needs it.
struct LayerUse {
    Layer layer;
    std::vector<std::int64_t> images;  // numbers of Image
    bool cached = false;               // an entry of the build cache names it
};

// A private directory in tmp/ in which a layer is made: `upper` receives the tree, `work` is the
// overlay's work directory on the same file system. Removed when it goes, unless committed.
class Staging {
public:
    Staging(Staging&&) noexcept;
    Staging& operator=(Staging&&) noexcept;
    ~Staging();
    const std::string& upper() const { return upper_; }  // absolute
    const std::string& work() const { return work_; }    // absolute
    const std::string& path() const { return path_; }    // absolute, parent of both
    // Says, as long as a copy of it is open, that somebody works in the directory: for a process
    // that outlives this one.
    int lock() const { return lock_.get(); }

private:
    friend class Store;
    Staging() = default;
    std::string path_, upper_, work_;
    sys::UniqueFd lock_;  // a flock on the directory that says "the owner lives"
};

// How a tree becomes a layer; part of the cache key of every step (docs/decisions: normalisation).
struct CommitOptions {
    // Modification times later than this are set to it (seconds since 1970).
    std::int64_t clamp_mtime = 0;
    // Set every modification time to clamp_mtime, not only later ones (COPY: a checkout's times
    // are not content).
    bool set_all_mtimes = false;
};

// Permits that an image's layers stay while it is held, whatever is removed: a descriptor of the
// lock, inherited by whoever is handed a copy. It ends with the last of them, so nothing has to be
// given back by a process that is killed.
struct Pin {
    sys::UniqueFd fd;
};

// A finished build step: what it produced.
struct CacheEntry {
    std::optional<oci::Digest> layer;  // diff id; absent: the step changed no file
    std::string metadata;              // the builder's own text
};

struct CacheUse {
    oci::Digest key;
    std::optional<std::int64_t> layer;  // number of Layer; absent: the step changed no file
    // When it was last found, to the hour, or added.
    std::chrono::system_clock::time_point used;
};

enum class OpenMode { read_only, read_write };

enum class Repair { no, yes };

// Something in the store that is not what its digest says.
struct Damage {
    std::string what;                 // "file usr/bin/x of layer sha256:..."
    std::vector<std::string> images;  // that have it: a name, or the id where there is none
    bool repaired = false;
    std::optional<oci::Digest> layer;    // its diff id, where it is a layer that is damaged
    std::vector<oci::Digest> image_ids;  // of `images`, in their order
};
struct VerifyReport {
    std::size_t images = 0, layers = 0, files = 0;  // that were looked at
    std::vector<Damage> damage;
};

class Store {
public:
    // Creates what is missing when read_write. A read_only open of an absent store is not_found.
    static Result<Store> open(const std::string& root, OpenMode mode);
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    ~Store();

    const std::string& root() const;

    // By tag ("python:3.11-slim"), registry's digest ("python@sha256:..."), full id or unique id
    // prefix. Errors: not_found (with the nearest name), invalid_argument (ambiguous prefix,
    // malformed reference).
    Result<Image> find(std::string_view name);
    Result<std::vector<Image>> list();

    // Taken between find() and the mount, held as long as a container uses the image: remove()
    // answers in_use meanwhile. not_found, failed_precondition: it has changed since. Writes
    // nothing.
    Result<Pin> pin(const Image& image);

    // `config_json` is stored as it is and its digest becomes the id; every diff id in it must be a
    // layer of this store (not_found otherwise). Adding the same image twice is no error.
    Result<Image> add_image(std::string_view config_json);
    Result<> tag(const oci::Reference& reference, const oci::Digest& id);
    // Takes the name away; the image stays, without a name if it was the last. No error where
    // nothing is called so.
    Result<> untag(const oci::Reference& reference);
    // What the tag has named, the latest first, at most 20; empty: it never was.
    Result<std::vector<TagChange>> history(const oci::Reference& reference);
    // What registries call the images and layers of this store. A repository is "host/a/b".
    struct Manifest {
        std::string repository;
        oci::Digest digest;  // of `json`, or of the index that led to it
        std::string media_type, json;
    };
    struct Blob {
        oci::Digest digest, diff_id;
        std::int64_t size = 0;
        std::string media_type;
    };
    // Several images, each with full references as tags and what registries call it, all of them or
    // none; their ids in the same order.
    struct NewImage {
        std::string config_json;
        std::vector<std::string> tags;
        std::vector<Manifest> manifests = {};
        std::vector<Blob> blobs = {};  // of its layers; they are in the repository of each manifest
    };
    Result<std::vector<oci::Digest>> add_images(const std::vector<NewImage>& images);
    // Removes a tag; the image goes with its last tag, its layers when no image needs them and no
    // cache entry names them. By id: the image and its only tag. Returns what was untagged and
    // deleted, in Docker's words ("Untagged: x:latest", "Deleted: sha256:..."). Errors: not_found,
    // in_use (pinned; an id that has several tags).
    Result<std::vector<std::string>> remove(std::string_view name);
    // The configuration's bytes as they were added.
    Result<std::string> config_json(const oci::Digest& id);

    Result<Staging> stage();
    // Normalises the tree in upper (times, see CommitOptions), computes the diff id of its
    // canonical tar and moves it into place without a second copy. An existing layer of the same
    // diff id is returned instead, and the staging is dropped.
    Result<Layer> commit(Staging staging, const CommitOptions& options);
    // As commit, for a layer that came as a tar (any diff id, whiteouts as .wh. files), plain or
    // compressed: unpacks it rooted and bounded (unpack.h), verifies that `expected` is the digest
    // of the uncompressed bytes, and can write the same bytes again. The file stays the caller's.
    // Errors: corrupt, unsupported, exhausted (a limit or the disk).
    Result<Layer> import_tar(const std::string& tar_path, const oci::Digest& expected);
    // The same for bytes [offset, offset + size) of an open regular file; `name` is for errors.
    Result<Layer> import_range(int fd, std::int64_t offset, std::int64_t size,
                               const oci::Digest& expected, const std::string& name);
    // The same for bytes that come only once, from a registry: `open` is called when the layer is
    // not here, and a second time where its tar has to be kept (one name in it twice). Of a
    // registry's layer `accepted` says which compressions it may have (byte_source.h).
    using Read = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;
    Result<Layer> import_stream(const std::function<Result<Read>()>& open,
                                const oci::Digest& expected, const std::string& name,
                                Formats accepted);
    Result<std::optional<Layer>> find_layer(const oci::Digest& diff_id);
    // Absolute path of the layer's tree; nobody may write to it.
    std::string layer_path(const Layer& layer) const;
    // Writes the layer's tar (the original where it was imported, else made by layer_tar.h).
    // Checked against the diff id while it is written: corrupt if the tree was changed.
    Result<> write_layer_tar(const oci::Digest& diff_id, int fd);

    Result<std::optional<CacheEntry>> cache_find(const oci::Digest& key);
    Result<> cache_put(const oci::Digest& key, const CacheEntry& entry);
    // Drops all entries and the layers that only they named.
    Result<> cache_clear();
    // The entries, the one used longest ago first.
    Result<std::vector<CacheUse>> cache_list();
    // Drops these entries and the layers that only they named; an absent one is no error.
    Result<> cache_drop(std::span<const oci::Digest> keys);
    Result<std::vector<LayerUse>> layers();  // by number
    // Gives up layers that this object has made (numbers of Layer) and collects them.
    Result<> drop_layers(std::span<const std::int64_t> numbers);
    // Deletes layers that no image and no cache entry names and that no process is using: what an
    // interrupted build or load has left. remove() and cache_clear() do it too.
    Result<> collect();
    // Proves configurations and layers, with all their files, against their digests: of the images
    // named, or of everything. A damaged layer counts as absent for load, pull and build, which put
    // a sound one in its place: with a tree of its own, and the damaged one's stays as long as a
    // pin on an image that had it. With Repair::yes a layer is made again from its kept tar, and a
    // file taken from an equal one (from a registry: transfer/repair.h).
    Result<VerifyReport> verify(std::span<const std::string> names, Repair repair);

    // The image and the blobs' layers must be here (not_found).
    Result<> record_manifest(const oci::Digest& image, const Manifest& manifest,
                             std::span<const Blob> blobs);
    // The manifests under which an image is known, the newest first.
    Result<std::vector<Manifest>> manifests_of(const oci::Digest& image);
    Result<std::vector<Blob>> blobs_of(const oci::Digest& diff_id);
    // What is looked at for files of a layer that comes from the repository (known_files.h): the
    // layers of its newest images, then those of the newest images of all.
    Result<KnownFiles> known_files(const std::string& repository);
    // The repositories that are known to have a blob.
    Result<std::vector<std::string>> places_of(const oci::Digest& blob);

    // The stack for an image given by its diff ids, lowest first.
    Result<LayerStack> stack(std::span<const oci::Digest> diff_ids);

private:
    friend class Verifier;
    struct State;
    Result<Layer> import(const std::function<Result<std::unique_ptr<ByteSource>>()>& open,
                         const oci::Digest& expected);
    explicit Store(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace crank::store
