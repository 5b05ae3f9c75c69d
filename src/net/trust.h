// Which authorities and client certificates count for a registry's host: the system's, and those of
// the certs.d directories of Docker and containers (containers-certs.d(5)).
#pragma once

#include <string>

#include "base/error.h"
#include "net/http.h"

namespace crank::net {

// `domain` with its port, as the directory is named. Errors: failed_precondition for a client
// certificate without its key; those of reading.
Result<TlsTrust> trust_for(const std::string& domain, const std::string& home);

}  // namespace crank::net
