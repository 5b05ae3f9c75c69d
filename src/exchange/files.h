// The files of an image, wherever they lie: in a directory or in an archive. Internal to exchange.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/byte_source.h"
#include "store/tar_split.h"

namespace crank::exchange {

class Files {
public:
    virtual ~Files() = default;
    // What they are, for errors: "the archive", "/srv/layout".
    virtual std::string name() const = 0;
    virtual bool has(const std::string& path) const = 0;
    // A regular file. `path` is hostile: it leads to nothing outside. corrupt: it is not there.
    struct Opened {
        std::unique_ptr<store::ByteSource> bytes;
        std::int64_t size = 0;
    };
    virtual Result<Opened> open(const std::string& path) const = 0;
    // The content of a document (corrupt beyond `limit` bytes).
    static constexpr std::int64_t kMaxText = std::int64_t{4} << 20;
    Result<std::string> text(const std::string& path, std::int64_t limit = kMaxText) const;
};

// What store/tar_split.h asks for: the files of `tree`.
store::OpenTarSplitFile contents_of(std::shared_ptr<const Files> tree);

}  // namespace crank::exchange
