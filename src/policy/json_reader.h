// Reads one JSON object strictly: what is required must be there, what is not known is an error.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::policy {

using Json = nlohmann::json;

// Error: invalid_argument with the position, also for a key that stands twice in one object.
Result<Json> parse_json(std::string_view text);

// `where` names the object in errors: "masked path 3".
Result<> expect_fields(const Json& object, std::string_view where,
                       std::initializer_list<std::string_view> required,
                       std::initializer_list<std::string_view> optional = {});
Result<std::string> text_field(const Json& object, std::string_view where, const char* name);
Result<> expect_array(const Json& value, std::string_view where);
// A sentence, not a placeholder: at least 12 characters and two words.
Result<> expect_why(const Json& object, std::string_view where);

}  // namespace crank::policy
