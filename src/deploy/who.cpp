#include "deploy/who.h"

#include <nlohmann/json.hpp>

#include "deploy/json_fields.h"

namespace crank::deploy {

const std::string& shown(const Who& who) {
    return who.sudo_user.empty() ? who.name : who.sudo_user;
}

void add_who(nlohmann::ordered_json& json, const Who& who) {
    json["user"] = who.name;
    json["uid"] = who.uid;
    if (!who.sudo_user.empty()) json["sudo_user"] = who.sudo_user;
}

Who who_at(const nlohmann::ordered_json& json) {
    return {.name = text_at(json, "user"),
            .uid = number_at(json, "uid", -1),
            .sudo_user = text_at(json, "sudo_user")};
}

}  // namespace crank::deploy
