// --network pasta[:OPTION,...]: what pasta(1) is to be told beyond what crank tells it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine {

inline constexpr std::string_view kPastaMode = "pasta";

// Whether a text of --network means it.
bool is_pasta(std::string_view text);
// The options, as they are passed on: "-a", "192.0.2.1". Errors: invalid_argument for one that
// crank does not pass on, and for one without its value.
Result<std::vector<std::string>> parse_pasta(std::string_view text);

// Where names are asked for; empty: nowhere, for only IPv6 leads out and no server of it is named.
std::string resolver_of(const std::vector<std::string>& options);
// All that pasta is told, without its own name and without the namespace. Nothing of the host's
// loopback is reached from the container, and no port is forwarded, unless the options say so.
std::vector<std::string> pasta_arguments(const std::vector<std::string>& options);

}  // namespace crank::engine
