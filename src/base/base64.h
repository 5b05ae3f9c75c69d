// Base64 (RFC 4648, section 4), as credentials are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace crank {

std::string base64_encode(std::string_view bytes);
// nothing: it is no base64. Missing padding is accepted, as Docker does.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace crank
