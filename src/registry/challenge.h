// WWW-Authenticate (RFC 9110, 11.6.1) and the tokens of registries (distribution: token
// authentication).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::registry {

struct Challenge {
    std::string scheme;  // lower case: "basic", "bearer"
    std::string realm, service, scope, error;
    bool operator==(const Challenge&) const = default;
};

// Hostile input: at most 8 KiB and 16 challenges. Errors: corrupt.
Result<std::vector<Challenge>> parse_challenges(std::string_view header);

struct Token {
    std::string text;
    int seconds = 60;  // it is valid for so long; 60 where the service does not say
};
// What a token service answers: "token" or "access_token". Errors: corrupt.
Result<Token> parse_token(std::string_view json);

// For a query: everything but letters, digits, '-', '.', '_' and '~' as %XX.
std::string percent_encode(std::string_view text);

}  // namespace crank::registry
