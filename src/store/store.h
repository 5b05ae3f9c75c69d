// Images, layers, tags and the build cache on disk.
//
// Layout below the root (version 1, private to this room; `format` holds the number):
//   crank.db      SQLite, WAL: images, tags, layers, build cache
//   l/N           the tree of layer N as an overlay file system wants it (whiteouts are 0:0
//   devices,
//                 opaque directories carry trusted.overlay.opaque); N is the layer's row in
//                 crank.db
//   blobs/sha256/ image configurations and, for layers that crank did not write, the original
//                 uncompressed tar: its digest is the layer's identity and no tree gives it back
//   tmp/          what is being made; anything there whose owner is gone is swept on open-for-write
//
// The tree of a layer that crank wrote is the only copy: its tar is made again, bit for bit, by
// layer_tar.h whenever the image leaves the machine.
//
// Writers take BEGIN IMMEDIATE with a bounded wait (10 s); readers never wait. After a kill at any
// point the next open finds the old state or the new: trees are renamed into place before the row
// that names them is committed, and rows are deleted before the tree.
#pragma once

#include <chrono>
#include <cstdint>
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

namespace crank::store {

// What an overlay mount of an image needs. Paths are relative to `base`, which keeps the mount
// options short (a page at most, mount(2)) and free of characters that need quoting.
struct LayerStack {
    std::string base;                // absolute: the store's root
    std::vector<std::string> lower;  // top layer first: "l/42"
};

struct Image {
    oci::Digest id;  // the config digest
    oci::ImageConfig config;
    std::vector<std::string> tags;  // full references, sorted
    std::int64_t size = 0;          // bytes of all its layers' files
    std::chrono::system_clock::time_point added;
    LayerStack layers;
};

struct Layer {
    oci::Digest diff_id;
    std::int64_t number = 0;  // l/N
    std::int64_t size = 0;    // bytes of its regular files
    bool operator==(const Layer&) const = default;
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

private:
    friend class Store;
    Staging() = default;
    std::string path_, upper_, work_;
    int lock_fd_ = -1;  // a flock that says "the owner lives"
};

// How a tree becomes a layer; part of the cache key of every step (docs/decisions: normalisation).
struct CommitOptions {
    // Modification times later than this are set to it (seconds since 1970).
    std::int64_t clamp_mtime = 0;
    // Set every modification time to clamp_mtime, not only later ones (COPY: a checkout's times
    // are not content).
    bool set_all_mtimes = false;
};

// A finished build step: what it produced.
struct CacheEntry {
    std::optional<oci::Digest> layer;  // diff id; absent: the step changed no file
    std::string metadata;              // the builder's own text
};

enum class OpenMode { read_only, read_write };

class Store {
public:
    // Creates what is missing when read_write. A read_only open of an absent store is not_found.
    static Result<Store> open(const std::string& root, OpenMode mode);
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;
    ~Store();

    const std::string& root() const;

    // By tag ("python:3.11-slim"), digest, full id or unique id prefix. Errors: not_found (with
    // the nearest name), invalid_argument (ambiguous prefix, malformed reference).
    Result<Image> find(std::string_view name);
    Result<std::vector<Image>> list();

    // `config_json` is stored as it is and its digest becomes the id; every diff id in it must be a
    // layer of this store (not_found otherwise). Adding the same image twice is no error.
    Result<Image> add_image(std::string_view config_json);
    Result<> tag(const oci::Reference& reference, const oci::Digest& id);
    // Removes a tag; the image goes with its last tag, its layers when no image needs them and no
    // cache entry names them. Returns what was untagged and deleted, in Docker's words
    // ("Untagged: x:latest", "Deleted: sha256:...").
    Result<std::vector<std::string>> remove(std::string_view name);
    // The configuration's bytes as they were added.
    Result<std::string> config_json(const oci::Digest& id);

    Result<Staging> stage();
    // Normalises the tree in upper (times, see CommitOptions), computes the diff id of its
    // canonical tar and moves it into place without a second copy. An existing layer of the same
    // diff id is returned instead, and the staging is dropped.
    Result<Layer> commit(Staging staging, const CommitOptions& options);
    // As commit, for a layer that came as a tar (any diff id, whiteouts as .wh. files): unpacks it
    // rooted and bounded, verifies `expected`, keeps the tar. `tar_path` is uncompressed.
    Result<Layer> import_tar(const std::string& tar_path, const oci::Digest& expected);
    Result<std::optional<Layer>> find_layer(const oci::Digest& diff_id);
    // Absolute path of the layer's tree.
    std::string layer_path(const Layer& layer) const;
    // Writes the layer's tar (the original where it was imported, else made by layer_tar.h).
    Result<> write_layer_tar(const oci::Digest& diff_id, int fd);

    Result<std::optional<CacheEntry>> cache_find(const oci::Digest& key);
    Result<> cache_put(const oci::Digest& key, const CacheEntry& entry);
    Result<> cache_clear();

    // The stack for an image given by its diff ids, lowest first.
    Result<LayerStack> stack(std::span<const oci::Digest> diff_ids);

private:
    struct State;
    explicit Store(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace crank::store
