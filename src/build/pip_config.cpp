#include "build/pip_config.h"

#include <algorithm>

#include "base/text.h"

namespace crank::build {

std::string PipSettings::get(const std::string& name) const {
    auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
}

void PipSettings::merge(const PipSettings& stronger) {
    for (const auto& [name, value] : stronger.values_) values_[name] = value;
}

namespace {

std::string option_name(std::string_view written) {
    std::string name = to_lower(trim(written));
    std::ranges::replace(name, '_', '-');
    return name == "timeout" ? "default-timeout" : name;
}

}  // namespace

PipSettings parse_pip_config(std::string_view text) {
    PipSettings global, install;
    PipSettings* section = nullptr;
    std::string key;
    for (const std::string& line : split(text, '\n')) {
        std::string_view content = trim(line);
        if (content.empty() || content[0] == '#' || content[0] == ';') continue;
        bool indented = line[0] == ' ' || line[0] == '\t';
        if (indented && section != nullptr && !key.empty()) {
            section->set(key, std::string(trim(section->get(key) + " " + std::string(content))));
            continue;
        }
        if (content[0] == '[') {
            section = content == "[global]" ? &global : content == "[install]" ? &install : nullptr;
            key.clear();
            continue;
        }
        std::size_t equals = content.find_first_of("=:");
        if (section == nullptr || equals == std::string_view::npos) continue;
        key = option_name(content.substr(0, equals));
        section->set(key, std::string(trim(content.substr(equals + 1))));
    }
    global.merge(install);
    return global;
}

PipSettings pip_environment(const std::map<std::string, std::string>& environment) {
    PipSettings settings;
    for (const auto& [name, value] : environment)
        if (name.starts_with("PIP_") && !value.empty())
            settings.set(option_name(std::string_view(name).substr(4)), value);
    return settings;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> found;
    std::string word;
    for (char c : text) {
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            word += c;
        } else if (!word.empty()) {
            found.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) found.push_back(std::move(word));
    return found;
}

bool names_loopback(std::string_view urls) {
    return std::ranges::any_of(words(urls), [](std::string_view url) {
        if (std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
            url.remove_prefix(scheme + 3);
        url = url.substr(0, url.find_first_of("/?#"));
        if (std::size_t at = url.rfind('@'); at != std::string_view::npos)
            url.remove_prefix(at + 1);
        if (url.starts_with('[')) return url.starts_with("[::1]");
        std::string host = to_lower(url.substr(0, url.find(':')));
        return host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.");
    });
}

}  // namespace crank::build
