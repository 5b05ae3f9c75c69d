// The values of EXPOSE, STOPSIGNAL and --chmod after expansion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/mode.h"

namespace crank::dockerfile {

// "80", "8000-8010/udp" -> "80/tcp"; "8000/udp" ... Ports 0 to 65535, tcp, udp or sctp. A host part
// ("8080:80", Docker accepts and ignores it) sets `had_host`. Error: invalid_argument.
Result<std::vector<std::string>> parse_exposed(std::string_view spec, bool& had_host);

// "SIGTERM", "term", "15", "RTMIN+3": checked, returned as written. Error: invalid_argument.
Result<std::string> check_signal(std::string_view signal);

// "755", "u+x,go=rX" (mode.h). Error: invalid_argument.
Result<ModeChange> parse_chmod(std::string_view mode);

}  // namespace crank::dockerfile
