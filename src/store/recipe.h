// How to write an imported layer's tar again, bit for bit, without keeping a second copy of its
// files: the bytes between the payloads (headers, padding), and which file each payload is.
// Compressed with zstd; private to the store, and checked by the layer's digest on each use.
// Internal to store.
#pragma once

#include <memory>
#include <string>

#include "store/byte_source.h"
#include "store/recipe_code.h"
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
    Result<> write(std::string_view bytes);
    Result<> flush_structure();
    sys::UniqueFd file_;
    std::unique_ptr<Compressor> compressor_;
    StructureCoder coder_;
    bool begun_ = false;
    std::string pending_, path_;  // the payload's before
};

// Writes the tar that the recipe describes, payloads from the tree at `treefd`.
// Errors: corrupt (a damaged recipe, a file that is not there or has another size), the sink's.
Result<> replay_recipe(ByteSource& recipe, int treefd, const std::function<Result<>(Bytes)>& sink);

}  // namespace crank::store
