// The decompressors of xz and bzip2, which archives have and images' media types have not. Internal
// to store.
#pragma once

#include <memory>
#include <string>

#include "store/byte_source.h"

namespace crank::store {

// Several streams in a row count as one. Errors while reading: corrupt (a damaged stream, bytes
// after it), exhausted (more than 128 MiB of memory would be needed).
std::unique_ptr<ByteSource> make_unxz(std::unique_ptr<ByteSource> inner, std::string name);
std::unique_ptr<ByteSource> make_bunzip2(std::unique_ptr<ByteSource> inner, std::string name);

}  // namespace crank::store
