// The directory that a worker is handed, read-only, with its identity in it: cert.pem and key.pem
// (0400, the worker's own) and ca.pem (0444), whom it trusts.
//
// The three names are links through one link, `.current`, into a directory that holds one issue:
//     cert.pem -> .current/cert.pem      .current -> .issued-SERIAL      .issued-SERIAL/cert.pem
// so that renaming one link switches certificate, key and authority together, also where a running
// container has the directory mounted. The issue before the current one is kept, for a reader that
// is between two files; older ones are removed.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "pki/authority.h"
#include "sys/owned_file.h"

namespace crank::pki {

inline constexpr const char* kIdentityCertificate = "cert.pem";
inline constexpr const char* kIdentityKey = "key.pem";
inline constexpr const char* kIdentityAuthority = "ca.pem";

// Makes `directory` (0755, with missing parents) where it does not exist and switches it to `leaf`.
// The files go to `owner`, or stay the caller's. A kill at any point leaves the issue before or the
// new one. Errors: already_exists where one of the three names is a file that this did not make.
Result<> save_identity(const std::string& directory, const Leaf& leaf,
                       const std::string& authority_certificate, std::optional<sys::Owner> owner);

}  // namespace crank::pki
