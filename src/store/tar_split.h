// A layer's tar, put together from tar-split's records (the bytes that are no file's content,
// github.com/vbatts/tar-split, tar/storage) and the contents of its files: what podman keeps of a
// layer, and what a zstd:chunked blob has beside its files. For store, exchange and transfer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "store/byte_source.h"

namespace crank::store {

// The content of the file that the tar calls `path`, a hostile text. Asked for in the tar's order,
// each once the one before has been read to its end; empty files are not.
struct TarSplitFile {
    std::unique_ptr<ByteSource> bytes;
    std::int64_t size = 0;
};
using OpenTarSplitFile = std::function<Result<TarSplitFile>(const std::string& path)>;

// `records`: JSON lines, decompressed; hostile, a line has at most 4 MiB. Errors while reading:
// corrupt (a record or a file is not what it should be), those of `open`. That the right bytes come
// out, only the layer's digest says.
std::unique_ptr<ByteSource> join_tar_split(std::unique_ptr<ByteSource> records,
                                           OpenTarSplitFile open, std::string name);

}  // namespace crank::store
