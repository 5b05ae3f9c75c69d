// --disable-content-trust of several verbs.
#pragma once

#include <string_view>

namespace crank::cli {

inline constexpr std::string_view kNoContentTrust =
    "leave it out; signatures are checked where crank image verify is asked to";

}  // namespace crank::cli
