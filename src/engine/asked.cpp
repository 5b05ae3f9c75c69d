#include "engine/asked.h"

#include <nlohmann/json.hpp>

#include "sys/file.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;
constexpr std::size_t kMaxAsked = 4096;

}  // namespace

std::string serialize(const Asked& asked) {
    Json json = {{"version", kVersion},    {"verb", asked.verb},
                 {"signal", asked.signal}, {"firstSignal", asked.first_signal},
                 {"grace", asked.grace},   {"graceOver", asked.grace_over},
                 {"at", asked.at_ns}};
    if (!asked.why.empty()) json["why"] = asked.why;
    if (asked.restarts != 0) json["restarts"] = asked.restarts;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Asked> parse_asked(std::string_view text) {
    try {
        Json json = Json::parse(text);
        if (json.at("version") != kVersion)
            return fail(Code::corrupt, "what was asked of a container: another version");
        return Asked{.verb = json.at("verb"),
                     .signal = json.at("signal"),
                     .first_signal = json.at("firstSignal"),
                     .grace = json.at("grace"),
                     .grace_over = json.at("graceOver"),
                     .at_ns = json.at("at"),
                     .why = json.value("why", ""),
                     .restarts = json.value("restarts", 0)};
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, std::string("what was asked of a container: ") + e.what());
    }
}

void note_asked(const std::string& dir, const Asked& asked) {
    (void)sys::write_file_atomic(dir + "/asked", serialize(asked), 0600, sys::Sync::no);
}

std::optional<Asked> read_asked(const std::string& dir) {
    Result<std::string> text = sys::read_file(dir + "/asked", kMaxAsked);
    if (!text) return std::nullopt;
    Result<Asked> asked = parse_asked(*text);
    return asked ? std::optional(std::move(*asked)) : std::nullopt;
}

}  // namespace crank::engine
