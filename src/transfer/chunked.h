// Layers of zstd:chunked: what the store has of their files is not fetched. docs/decisions/0023.
// Internal to transfer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/image.h"
#include "registry/chunked.h"
#include "store/known_files.h"
#include "store/store.h"
#include "transfer/session.h"

namespace crank::transfer {

// Used by one thread.
class ChunkedLayer {
public:
    // Reads the layer's table and looks for its files. `place`: of the image; `repository`:
    // "host/a/b". nothing: it has no table, or most of it would have to be fetched all the same.
    // Errors: whatever is doubtful about the table; the blob can still be fetched as a whole.
    static Result<std::optional<ChunkedLayer>> plan(Channel& channel, const Fields& place,
                                                    const oci::Descriptor& layer,
                                                    store::Store& store,
                                                    const std::string& repository);

    std::int64_t bytes() const;  // that stream() fetches
    // The layer's tar, out of files that are here and parts of the blob. Nothing of it is proven
    // but the tar-split: the diff id is to be. `moved` is told how many bytes have come, and may
    // say no.
    using Moved = std::function<Result<>(std::int64_t bytes)>;
    Result<store::Store::Read> stream(Channel& channel, Moved moved) const;

private:
    struct Content;
    struct File {
        registry::ChunkedFile chunked;
        std::optional<store::KnownFiles::Place> here;
    };
    ChunkedLayer(Fields request, store::KnownFiles known)
        : request_(std::move(request)),
          known_(std::make_shared<store::KnownFiles>(std::move(known))) {}
    Result<> read_tables(Channel& channel, const registry::ChunkedPlace& place);
    void look_for(std::vector<registry::ChunkedFile> files);

    Fields request_;  // of parts
    std::shared_ptr<store::KnownFiles> known_;
    std::shared_ptr<std::vector<File>> files_ = std::make_shared<std::vector<File>>();
    std::vector<registry::BlobRange> parts_;
    std::shared_ptr<const std::string> tar_split_;  // compressed
};

}  // namespace crank::transfer
