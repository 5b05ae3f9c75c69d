// Writing canonical JSON: keys sorted (nlohmann's object is a std::map), no white space, fields
// absent where they say nothing. Internal to oci.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace crank::oci {

using Json = nlohmann::json;

// Bytes that are not UTF-8 become U+FFFD, as Go's encoder does.
inline std::string text_of(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
void put(Json& object, const char* name, const T& value) {
    if (value != T{}) object[name] = value;
}
template <class T>
void put(Json& object, const char* name, const std::optional<T>& value) {
    if (value) object[name] = *value;
}

}  // namespace crank::oci
