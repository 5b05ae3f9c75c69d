#include "engine/health_json.h"

namespace crank::engine {

using Json = nlohmann::ordered_json;

Json to_json(const HealthCheck& check) {
    std::string action(name_of(check.on_unhealthy));
    if (check.most_restarts != 0) action += ":" + std::to_string(check.most_restarts);
    Json json = {{"test", check.test},
                 {"shell", check.shell},
                 {"interval", check.interval},
                 {"timeout", check.timeout},
                 {"startPeriod", check.start_period},
                 {"startInterval", check.start_interval},
                 {"retries", check.retries},
                 {"onUnhealthy", action}};
    if (!check.live.empty()) json["live"] = check.live;
    if (check.live_retries != 0) json["liveRetries"] = check.live_retries;
    return json;
}

HealthCheck health_check_from(const Json& json) {
    HealthCheck check{.test = json.at("test").get<std::vector<std::string>>(),
                      .shell = json.at("shell").get<std::vector<std::string>>(),
                      .interval = json.at("interval"),
                      .timeout = json.at("timeout"),
                      .start_period = json.at("startPeriod"),
                      .start_interval = json.at("startInterval"),
                      .retries = json.at("retries")};
    check.live = json.value("live", check.live);
    check.live_retries = json.value("liveRetries", 0);
    // An action that a newer crank has is none here.
    (void)parse_on_unhealthy(check, json.at("onUnhealthy").get<std::string>());
    return check;
}

}  // namespace crank::engine
