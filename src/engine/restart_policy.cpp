#include "engine/restart_policy.h"

#include <limits>

#include "base/text.h"

namespace crank::engine {

std::string_view name_of(RestartPolicy::Kind kind) {
    switch (kind) {
        case RestartPolicy::Kind::no: return "no";
        case RestartPolicy::Kind::on_failure: return "on-failure";
        case RestartPolicy::Kind::always: return "always";
        case RestartPolicy::Kind::unless_stopped: return "unless-stopped";
    }
    return "";
}

Result<RestartPolicy> parse_restart_policy(std::string_view text) {
    auto wrong = [&](const std::string& why) {
        return fail(Error(Code::invalid_argument, "--restart=\"" + std::string(text) + "\": " + why)
                        .with_hint("no, on-failure, on-failure:3, always or unless-stopped"));
    };
    std::size_t colon = text.find(':');
    std::string_view word = text.substr(0, colon);
    using Kind = RestartPolicy::Kind;
    for (Kind kind : {Kind::no, Kind::on_failure, Kind::always, Kind::unless_stopped}) {
        if (word != name_of(kind)) continue;
        if (colon == std::string_view::npos) return RestartPolicy{kind, 0};
        if (kind != Kind::on_failure) return wrong("only on-failure takes a number of times");
        auto most = parse_int(std::string(text.substr(colon + 1)));
        if (!most || *most < 0 || *most > std::numeric_limits<int>::max())
            return wrong("the number of times must be 0 or more");
        return RestartPolicy{kind, static_cast<int>(*most)};
    }
    return wrong("no such policy");
}

}  // namespace crank::engine
