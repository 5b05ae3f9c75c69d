// How to write an imported layer's tar again, bit for bit, without keeping a second copy of its
// files: the bytes between the payloads (headers, padding), and which file each payload is.
// Compressed with zstd; private to the store, and checked by the layer's digest on each use.
// Internal to store.
#pragma once

#include <memory>
#include <string>

#include "store/byte_source.h"
#include "sys/unique_fd.h"

namespace crank::store {

class RecipeWriter {
public:
    explicit RecipeWriter(sys::UniqueFd file);
    ~RecipeWriter();
    Result<> structure(Bytes bytes);
    // `path` relative to the layer's tree; its whole content, `size` bytes, stands here.
    Result<> payload(const std::string& path, std::int64_t size);
    Result<> finish();

private:
    struct Compressor;
    Result<> record(char tag, std::int64_t number, std::string_view bytes);
    Result<> flush_structure();
    sys::UniqueFd file_;
    std::unique_ptr<Compressor> compressor_;
    std::string pending_;
};

// Writes the tar that the recipe in `recipe_fd` describes, payloads from the tree at `treefd`.
// Errors: corrupt (a damaged recipe, a file that is not there or has another size), the sink's.
Result<> replay_recipe(int recipe_fd, int treefd, const std::function<Result<>(Bytes)>& sink);

}  // namespace crank::store
