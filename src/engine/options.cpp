#include "engine/options.h"

#include <algorithm>

#include "base/text.h"
#include "engine/pasta_options.h"

namespace crank::engine {
namespace {

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool wants_own_ids(const RunOptions& options) {
    if (options.userns) return options.userns->mode == ids::Wanted::Mode::automatic;
    return options.sandbox == Sandbox::strict;
}

Result<NetworkMode> parse_network(std::string_view text) {
    if (text == "bridge" || text == "default" || text.empty()) return NetworkMode::bridge;
    if (text == "none") return NetworkMode::none;
    if (text == "host") return NetworkMode::host;
    if (text == "container:")
        return fail(Code::invalid_argument, "--network container: wants a name behind it");
    if (text.starts_with("container:")) return NetworkMode::container;
    if (is_pasta(text)) return NetworkMode::pasta;
    return fail(Error(Code::not_found, "no network " + in_quotes(text))
                    .with_hint("--network bridge, none, host, pasta or container:NAME"));
}

std::string_view network_name(NetworkMode mode) {
    switch (mode) {
        case NetworkMode::bridge: return "bridge";
        case NetworkMode::none: return "none";
        case NetworkMode::host: return "host";
        case NetworkMode::container: return "container";
        case NetworkMode::pasta: return kPastaMode;
    }
    return "";
}

Result<Sandbox> parse_sandbox(std::string_view text) {
    if (text.empty() || text == "default") return Sandbox::usual;
    if (text == "strict") return Sandbox::strict;
    return fail(Code::invalid_argument, "--sandbox " + in_quotes(text) + ": default or strict");
}

std::string_view sandbox_name(Sandbox sandbox) {
    return sandbox == Sandbox::strict ? "strict" : "default";
}

Result<std::string> parse_env(std::string_view text, const std::vector<std::string>& environment) {
    if (text.empty() || text[0] == '=')
        return fail(Code::invalid_argument, "--env " + in_quotes(text) + ": a name is wanted");
    if (text.find('=') != std::string_view::npos) return std::string(text);
    std::string prefix = std::string(text) + "=";
    for (const std::string& entry : environment)
        if (entry.starts_with(prefix)) return entry;
    return std::string(text);
}

Result<std::vector<std::string>> parse_env_words(std::string_view text,
                                                 const std::vector<std::string>& environment) {
    if (!text.ends_with('*') || text.find('=') != std::string_view::npos)
        return std::vector{TRY(parse_env(text, environment))};
    std::vector<std::string> found;
    for (const std::string& entry : environment)
        if (entry.starts_with(text.substr(0, text.size() - 1))) found.push_back(entry);
    return found;
}

Result<std::pair<std::string, std::string>> parse_label(std::string_view text) {
    std::size_t equals = text.find('=');
    std::string key(text.substr(0, equals));
    if (key.empty())
        return fail(Code::invalid_argument, "--label " + in_quotes(text) + ": a name is wanted");
    return std::pair(key,
                     equals == std::string_view::npos ? "" : std::string(text.substr(equals + 1)));
}

Result<> check_name(std::string_view name) {
    bool good = name.size() >= 2 && name.size() <= 128 && is_alnum(name[0]) &&
                std::all_of(name.begin(), name.end(),
                            [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
    if (good) return {};
    return fail(Code::invalid_argument,
                "invalid name " + in_quotes(name) +
                    ": 2 to 128 letters, digits, '_', '.' and '-', a letter or digit first");
}

Result<> check_hostname(std::string_view name) {
    constexpr std::size_t kMaxLabel = 63, kMaxName = 64;
    bool good = !name.empty() && name.size() <= kMaxName;
    for (const std::string& label : split(name, '.')) {
        good = good && !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
               label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                   return is_alnum(c) || c == '-' || c == '_';
               });
    }
    if (good) return {};
    return fail(Code::invalid_argument, "invalid host name " + in_quotes(name));
}

}  // namespace crank::engine
