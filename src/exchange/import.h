// Images from wherever they are, except from registries (src/transfer).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "exchange/archive.h"
#include "exchange/source.h"
#include "oci/image.h"

namespace crank::exchange {

struct ImportRequest {
    Source source;
    // What it is called here; absent: what it is called there.
    std::optional<oci::Reference> name;
    std::optional<oci::Platform> platform;  // absent: this machine's
    ProgressSink progress;                  // may be empty
};

// One image. Everything that is read is hostile: digests are verified before they count, sizes and
// depths bounded, files opened below the directory that was named. The configuration's bytes are
// kept, and the manifest's where the source has one, so that a later push or save leads to the same
// digests where that can be. Nothing is kept when it fails. Errors: not_found (the file, or an
// image of that name: the hint has the names there are), invalid_argument (several), corrupt,
// unsupported, exhausted, permission_denied, io.
Result<Loaded> import_image(store::Store& store, const ImportRequest& request);

// Every image of a Docker or a storage that has a name, each by itself: one that fails keeps no
// other from coming. `each` is told of every one as it is done, with the name it is known by.
// Returns how many were left out because they have no name.
using EachImported = std::function<void(const std::string& name, Result<Loaded> loaded)>;
Result<std::size_t> import_all(store::Store& store, const ImportRequest& request,
                               const EachImported& each);

// A root file system as an image of one layer: the tar, byte for byte, as `docker import` takes it.
struct RootRequest {
    int fd = -1;              // a file or a pipe; plain or compressed; stays the caller's
    std::string shown;        // for errors
    oci::ImageConfig config;  // without layers
    std::optional<oci::Reference> name;
    ProgressSink progress;  // may be empty
};
// Hostile input: unpacked rooted and bounded. Nothing is kept when it fails. Errors: corrupt,
// exhausted; failed_precondition (it is an image, not a root).
Result<Loaded> import_root(store::Store& store, RootRequest request);

}  // namespace crank::exchange
