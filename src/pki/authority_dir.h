// A directory that holds an authority: ca.pem (0444) and ca-key.pem (0400), in a directory that
// only its owner may enter (0700).
#pragma once

#include <string>

#include "base/error.h"
#include "pki/authority.h"

namespace crank::pki {

inline constexpr const char* kAuthorityCertificate = "ca.pem";
inline constexpr const char* kAuthorityKey = "ca-key.pem";

// Writes the authority; the whole directory appears at once or not at all. Missing parents are
// made. Errors: already_exists where `directory` holds anything; what is there is kept.
Result<> save_authority(const std::string& directory, const Authority& authority);

// Errors: not_found where there is no authority; failed_precondition where others than the owner
// could read its key; corrupt.
Result<Authority> load_authority(const std::string& directory);

}  // namespace crank::pki
