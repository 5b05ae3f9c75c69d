#include "deploy/json_fields.h"

#include <nlohmann/json.hpp>

namespace crank::deploy {

using Json = nlohmann::ordered_json;

std::string text_at(const Json& json, const char* key) {
    auto found = json.find(key);
    return found == json.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::int64_t number_at(const Json& json, const char* key, std::int64_t otherwise) {
    auto found = json.find(key);
    return found == json.end() || !found->is_number_integer() ? otherwise
                                                              : found->get<std::int64_t>();
}

bool flag_at(const Json& json, const char* key) {
    auto found = json.find(key);
    return found != json.end() && found->is_boolean() && found->get<bool>();
}

const Json& part_at(const Json& json, const char* key) {
    static const Json kNone = Json::array();
    auto found = json.find(key);
    return found == json.end() ? kNone : *found;
}

}  // namespace crank::deploy
