// Who changes a project.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace crank::deploy {

struct Who {
    std::string name;       // of the user as whom crank runs
    std::int64_t uid = -1;  // his id on this machine
    std::string sudo_user;  // who asked for that, where sudo says so
    bool operator==(const Who&) const = default;
};
// "ann": who stands behind it.
const std::string& shown(const Who& who);

// Internal: its fields of JSON, and from there.
void add_who(nlohmann::ordered_json& json, const Who& who);
Who who_at(const nlohmann::ordered_json& json);

}  // namespace crank::deploy
