// Writing canonical JSON: keys sorted (nlohmann's object is a std::map), no white space, fields
// absent where they say nothing. Internal to oci.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

// Applies `convert` to each element; an empty list is left out of the object.
template <class T, class F>
void put_list(Json& object, const char* name, const std::vector<T>& list, F convert) {
    for (const T& element : list) object[name].push_back(convert(element));
}

inline void put_object(Json& object, const char* name, Json value) {
    if (!value.empty()) object[name] = std::move(value);
}

}  // namespace crank::oci
