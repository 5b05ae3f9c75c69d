// Fields of JSON that crank itself has written: what is not there, or of another kind, is as good
// as empty. Internal.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace crank::deploy {

std::string text_at(const nlohmann::ordered_json& json, const char* key);
std::int64_t number_at(const nlohmann::ordered_json& json, const char* key,
                       std::int64_t otherwise = 0);
bool flag_at(const nlohmann::ordered_json& json, const char* key);
// An empty array where there is none.
const nlohmann::ordered_json& part_at(const nlohmann::ordered_json& json, const char* key);

}  // namespace crank::deploy
