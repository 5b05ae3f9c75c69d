// A layer's tar, put together from what podman keeps of it: tar-split's records (the bytes that are
// no file's content, github.com/vbatts/tar-split, tar/storage) and the tree of its files. Internal
// to exchange.
#pragma once

#include <memory>
#include <string>

#include "exchange/files.h"

namespace crank::exchange {

// `records`: JSON lines, decompressed. Both inputs are hostile: files are opened below `tree`, a
// line has at most 4 MiB. Errors while reading: corrupt (a record or a file is not what it should
// be). That the right bytes come out, only the layer's digest says.
std::unique_ptr<store::ByteSource> join_tar_split(std::unique_ptr<store::ByteSource> records,
                                                  std::shared_ptr<const Files> tree,
                                                  std::string name);

}  // namespace crank::exchange
