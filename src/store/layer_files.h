// Which files of a layer may be shared, in l/N/files: paths below the layer's tree with their hash.
// Internal to store.
//
// A zstd frame; in it a line with the format's name, then for each file the hash (8 bytes, little
// endian), how many bytes of the path are those of the path before (2 bytes), how many follow (2
// bytes), and those.
#pragma once

#include <string>
#include <vector>

#include "store/file_identity.h"

namespace crank::store {

struct LayerFile {
    std::string path;
    FileHash hash = 0;
};

Result<> write_layer_files(int dirfd, const std::vector<LayerFile>& files);
// Absent: empty, as of a layer from before format 6. Errors: corrupt.
Result<std::vector<LayerFile>> read_layer_files(int dirfd);

// Of the tree `fs` in the layer's directory, a file of several names once.
Result<std::vector<LayerFile>> list_tree(int layerfd);

}  // namespace crank::store
