// The user's configuration: a JSON object of dotted keys, `crank config` reads and writes it.
//
//   {"alias.python:3.11-slim": "localhost/crank/python:3.11-slim", "build.host-trust": true}
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::engine {

enum class SettingKind { text, boolean, size };

// A key that crank knows. `name` ending in '.' stands for every key that begins so.
struct Setting {
    std::string_view name;
    SettingKind kind = SettingKind::text;
    std::string_view otherwise;  // the value when it is not set; empty: none
    std::string_view help;
};
std::span<const Setting> settings();
// Error: invalid_argument for an unknown key, with a did-you-mean.
Result<const Setting*> find_setting(std::string_view key);

class Config {
public:
    // A missing file is an empty configuration. Errors: invalid_argument naming the file and the
    // key: an unknown key, a value of the wrong type, no JSON.
    static Result<Config> load(const std::string& path);
    static Result<Config> parse(std::string_view json, const std::string& path);

    std::optional<std::string> find(std::string_view key) const;
    // The value, or the setting's default.
    std::string text(std::string_view key) const;
    bool flag(std::string_view key) const;
    // What `reference`, as a person typed it, stands for; nothing: itself.
    std::optional<std::string> alias(std::string_view reference) const;
    const std::map<std::string, std::string>& entries() const { return entries_; }

    // Errors: invalid_argument (unknown key, no boolean).
    Result<> set(std::string_view key, std::string_view value);
    void unset(std::string_view key);
    Result<> save(const std::string& path) const;

private:
    std::map<std::string, std::string> entries_;
};

}  // namespace crank::engine
