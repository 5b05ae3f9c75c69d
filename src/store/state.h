// What a Store holds, and the helpers that its source files share. Internal to store.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "store/database.h"
#include "store/schema.h"
#include "store/shared_files.h"
#include "store/store.h"
#include "sys/unique_fd.h"

namespace crank::store {

// Byte 0 of `locks`: shared by every process that uses layers which no image names yet, exclusive
// while such layers are collected. Byte N: shared by whoever pins image N, exclusive while it is
// removed. Order: byte 0 before the database's write lock before byte N.
inline constexpr std::int64_t kLayersByte = 0;

struct Owned;

struct Store::State {
    State(std::string root_path, OpenMode open_mode, Database database)
        : root(std::move(root_path)), mode(open_mode), shared(root), db(std::move(database)) {}

    std::string root;
    OpenMode mode;
    SharedFiles shared;
    // Held from the last look for a layer's files until they can be found: of two threads that
    // bring the same file, the second finds the first's. Before `mutex`.
    std::mutex sharing_mutex;
    std::mutex mutex;  // guards what is below
    Database db;
    sys::UniqueFd locks;                  // open for writing; only where mode is read_write
    bool layers_protected = false;        // the shared lock on kLayersByte is held
    std::set<std::int64_t> fresh;         // layers this object has made or found
    std::string boot;                     // this boot's id
    std::vector<oci::Digest> cache_hits;  // cache entries whose use is to be recorded

    std::string layer_dir(std::int64_t number) const {
        return root + "/l/" + std::to_string(number);
    }
    Result<> prepare_to_write();  // before the object is anyone else's
    // Call without the mutex held, before any transaction.
    Result<> protect_layers();
    Result<std::int64_t> sync_layers();
    Result<> sync_root();  // the whole file system that the store is on
    // Shares what is left to share of the tree below `made`, writes its list of files, settles it
    // and lets its files be found.
    Result<Layer> settle_shared(const std::string& made, const Staging& staging, NewLayer& files,
                                std::uint64_t seen_version, Layer layer, Origin origin);

    // The rest wants the mutex held.
    struct LayerRow {
        Layer layer;
        Origin origin = Origin::written;
    };
    // A damaged layer is none: whoever wants it makes it anew.
    Result<std::optional<LayerRow>> layer_row(const oci::Digest& diff_id);
    // What the layer's tar would be, from its directory. Errors: corrupt, not_found (it lacks a
    // file), the sink's.
    Result<> emit_tar(std::int64_t number, Origin origin,
                      const std::function<Result<>(Bytes)>& sink);
    // replace.cpp
    Result<std::int64_t> give_up_damaged(const oci::Digest& diff_id);
    Result<> replace_layer(std::int64_t from, std::int64_t to);
    Result<std::vector<std::int64_t>> replaced_and_unused();
    // Renames `made` (a directory that holds fs and perhaps a recipe) to l/N and adds the row.
    // When the layer exists already, returns that one. `scratch` takes what is in the way.
    Result<Layer> settle(const std::string& made, const std::string& scratch, Layer layer,
                         Origin origin);
    // Paths for an overlay mount, top first, of layers given by their numbers, lowest first.
    Result<std::vector<std::string>> lower_of(const std::vector<std::int64_t>& numbers);
    // Makes the merged tree of a deep image, where it has one and it is not there. Without the
    // mutex held.
    Result<> merge_lowest(const std::vector<oci::Digest>& diff_ids);
    Result<> make_merged(const std::vector<std::string>& lower, const std::string& key,
                         const std::string& scratch);
    struct NeededTrees {
        std::set<std::string> keys;
        bool pinned = false;
    };
    Result<NeededTrees> needed_trees();
    Result<> sweep_merged();
    Result<> move_merged_to(const Owned& bin, const std::string& name);
    Result<std::vector<std::string>> merged_orphans();
    Result<> remove_merged_orphans();
    Result<Image> image_of(const Rows& row);
    Result<> record_use();
    Result<> empty_garbage();
    Result<> collect_layers();
    Result<> collect_replaced();
    Result<> forget_lost_layers();
    Result<> remove_orphan();
    Result<Image> find(std::string_view name);
    Result<std::optional<Image>> find_tag(std::string_view tag);  // a full reference
    // The image that a registry's manifest digest names (distribution.cpp).
    Result<std::optional<std::int64_t>> image_of_manifest(const oci::Reference& reference);
    Error no_such_image(std::string_view name);
    Result<> insert_image(std::string_view id, std::string_view json,
                          const std::vector<oci::Digest>& diff_ids);
    Result<std::vector<std::string>> remove_rows(std::string_view name);
    Result<> insert_manifest(const oci::Digest& image, const Manifest& manifest,
                             std::span<const Blob> blobs);
    Result<> insert_tag(std::string_view name, const oci::Digest& id);
    Result<> delete_tag(std::string_view name, std::int64_t now);
    Result<std::vector<std::string>> tags_of(std::int64_t image);
};

// An image with more layers than this has its lowest ones merged, in steps of kMergeStep, so that
// images on the same base share the merged tree: no mount has more lower directories than this.
inline constexpr std::size_t kMaxLower = 8;
inline constexpr std::size_t kMergeStep = kMaxLower - 1;

// On a full disk SQLite cannot delete: its journal is a file. `reserve` is space for that: given up
// when it is needed, taken again by the next writer that finds some.
// `again` runs a second time where the first run was exhausted and there was a reserve.
inline constexpr std::int64_t kReserveBytes = std::int64_t{1} << 20;
bool release_reserve(const std::string& root);
void take_reserve(const std::string& root);
template <class F>
auto with_reserve(const std::string& root, F&& again) {
    auto result = again();
    if (result || result.error().code() != Code::exhausted || !release_reserve(root)) return result;
    return again();
}

std::string current_boot();
std::int64_t now_nanoseconds();
inline std::chrono::system_clock::time_point time_of(std::int64_t nanoseconds) {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(nanoseconds)));
}
// Creates what an empty root lacks, switched on by the file `format`.
Result<> create_store(const std::string& root);
// The number of the store's format, at most kFormat. not_found: no store; unsupported: a newer
// crank's.
Result<int> read_format(const std::string& root);
// Brings an older store to kFormat.
Result<> migrate(const std::string& root);
// Removes the entries of tmp/ whose owners are gone; what cannot be removed now is removed later.
void sweep_temporary(const std::string& root);
// A new directory in tmp/ with its owner's lock.
struct Owned {
    std::string path;
    sys::UniqueFd lock;
};
Result<Owned> make_owned_dir(const std::string& root);

}  // namespace crank::store
