// A file of the network, by its URL.
#pragma once

#include <string>

#include "base/error.h"
#include "transfer/session.h"

namespace crank::transfer {

// Writes what the URL (http or https) leads to into `fd`. Redirections are followed, never from
// https to http; nothing is sent but the request. Errors: not_found, permission_denied, io,
// failed_precondition (no such host), invalid_argument, cancelled.
Result<> fetch_url(const SessionOptions& options, const std::string& url, int fd);

}  // namespace crank::transfer
