// What describes a layer beside its tree, l/N/recipe and l/N/files: compressed with zstd, and where
// it is much like another layer's, only the difference. What it differs from is then another name
// of that layer's file, l/N/NAME.base, so that neither layer needs the other. Internal to store.
#pragma once

#include <memory>
#include <string>

#include "store/byte_source.h"

namespace crank::store {

// The description `name` of the layer's directory, decompressed. `shown` is for errors: not_found,
// corrupt.
Result<std::unique_ptr<ByteSource>> open_description(int layerfd, const std::string& name,
                                                     const std::string& shown);

// Keeps `name`, which is complete, as the difference to the same of the layer at `otherfd`, if that
// takes less of the disk. What cannot be read there is no error: it stays as it is. Memory: at most
// some 80 MiB, that of descriptions of more than 16 MiB each, which stay, too.
Result<> keep_difference(int layerfd, const std::string& name, int otherfd);

}  // namespace crank::store
