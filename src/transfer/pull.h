// Images from registries.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/progress.h"
#include "oci/image.h"
#include "store/store.h"

namespace crank::transfer {

struct Connection {
    std::string program;  // path of crank-net
    bool tls_verify = true;
    ProgressSink progress;  // called by several threads, one at a time; may be empty
    // Readable once the user wants it to end: `cancelled`; -1: never.
    int cancel_fd = -1;
};

struct Pulled {
    oci::Digest id;
    oci::Digest digest;     // what the tag stands for in the registry: an index or a manifest
    std::string reference;  // full; empty where it was asked for by digest alone
    bool up_to_date = false;
};

// `typed`: as a person wrote it. `platform`: "linux/arm64"; empty: this machine's. Layers that are
// here are not fetched, the others four at a time, unpacked while they arrive. A layer counts only
// where both its digest in the registry (crank-net) and its diff id (the store) are right. What has
// no image to belong to is given up when it fails. Errors: not_found, permission_denied, corrupt,
// exhausted, unsupported, io, failed_precondition (no such host).
Result<Pulled> pull(store::Store& store, const Connection& connection, const std::string& typed,
                    const std::string& platform);

}  // namespace crank::transfer
