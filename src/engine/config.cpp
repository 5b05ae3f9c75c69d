#include "engine/config.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

constexpr Setting kSettings[] = {
    {"alias.", SettingKind::text, "", "what an image name stands for: alias.NAME"},
    {"build.host-trust", SettingKind::boolean, "false",
     "RUN steps may use this machine's package index, proxy and CA settings"},
    {"cdi.dirs", SettingKind::text, "/etc/cdi,/var/run/cdi",
     "directories of CDI files, the last one counting most"},
    {"certs.authority", SettingKind::text, "",
     "the directory of the authority that makes certificates; none: ~/.crank/ca"},
    {"gpu.driver-root", SettingKind::text, "/",
     "where a GPU's driver lies: /run/nvidia/driver with NVIDIA's driver container"},
    {"hooks.timeout", SettingKind::text, "30",
     "seconds after which a hook that names no timeout is ended, and the start with it"},
    {"network.device", SettingKind::text, "",
     "the bridge's name; none: crank0, or one made from the state directory"},
    {"network.subnet", SettingKind::text, "",
     "the containers' addresses, like 10.88.0.0/16; none: a range that this machine does not use"},
    {"publish.address", SettingKind::text, "127.0.0.1",
     "the address of published ports that name none"},
    {"runtime.", SettingKind::text, "",
     "what --runtime NAME stands for: runtime.NAME, a program's path and its options"},
    {"storage.max", SettingKind::size, "",
     "how much images, build cache and containers may take of the disk, like 20g; none: no limit"},
    {"userns.range", SettingKind::text, "",
     "the host's ids for containers with ids of their own, as START:COUNT; none: those of crank or "
     "containers in /etc/subuid and /etc/subgid, or a range of crank's"},
};

Error in_file(Error error, const std::string& path) {
    return std::move(error).with_context("configuration " + path);
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

Result<const Setting*> find_setting(std::string_view key) {
    std::vector<std::string_view> names;
    for (const Setting& setting : kSettings) {
        bool prefix = setting.name.ends_with('.');
        if (prefix ? key.starts_with(setting.name) && key.size() > setting.name.size()
                   : key == setting.name)
            return &setting;
        names.push_back(setting.name);
    }
    Error error(Code::invalid_argument, "unknown setting \"" + std::string(key) + "\"");
    if (auto near = did_you_mean(key, names))
        return fail(std::move(error).with_hint("did you mean " + *near + "?"));
    return fail(std::move(error).with_hint("crank config list --all"));
}

Result<Config> Config::load(const std::string& path) {
    Result<std::string> text = sys::read_file(path, kMaxFile);
    if (!text) {
        if (text.error().code() == Code::not_found) return Config{};
        return fail(std::move(text).error());
    }
    return parse(*text, path);
}

Result<Config> Config::parse(std::string_view json, const std::string& path) {
    auto document = nlohmann::json::parse(json, nullptr, false);
    if (!document.is_object())
        return fail(in_file(Error(Code::invalid_argument, "not a JSON object"), path));
    Config config;
    for (const auto& [key, value] : document.items()) {
        std::string text;
        if (value.is_string())
            text = value.get<std::string>();
        else if (value.is_boolean())
            text = value.get<bool>() ? "true" : "false";
        else
            return fail(in_file(
                Error(Code::invalid_argument, key + ": a text or true or false is wanted"), path));
        if (Result<> set = config.set(key, text); !set)
            return fail(in_file(std::move(set).error(), path));
    }
    return config;
}

std::optional<std::string> Config::find(std::string_view key) const {
    auto it = entries_.find(std::string(key));
    if (it == entries_.end()) return std::nullopt;
    return it->second;
}

std::string Config::text(std::string_view key) const {
    if (auto value = find(key)) return *value;
    Result<const Setting*> setting = find_setting(key);
    return setting ? std::string((*setting)->otherwise) : "";
}

bool Config::flag(std::string_view key) const { return text(key) == "true"; }

std::optional<std::string> Config::alias(std::string_view reference) const {
    return find("alias." + std::string(reference));
}

Result<> Config::set(std::string_view key, std::string_view value) {
    const Setting* setting = TRY(find_setting(key));
    if (setting->kind == SettingKind::boolean && value != "true" && value != "false")
        return fail(Code::invalid_argument, std::string(key) + ": \"" + std::string(value) +
                                                "\" is neither true nor false");
    if (setting->kind == SettingKind::size) TRY_IN(parse_size(value), std::string(key));
    if (value.empty()) return fail(Code::invalid_argument, std::string(key) + ": empty value");
    entries_.insert_or_assign(std::string(key), std::string(value));
    return {};
}

void Config::unset(std::string_view key) { entries_.erase(std::string(key)); }

Result<> Config::save(const std::string& path) const {
    nlohmann::json document = nlohmann::json::object();
    for (const auto& [key, value] : entries_) {
        Result<const Setting*> setting = find_setting(key);
        if (setting && (*setting)->kind == SettingKind::boolean)
            document[key] = value == "true";
        else
            document[key] = value;
    }
    std::string dir = path.substr(0, path.rfind('/'));
    if (!dir.empty()) TRY(sys::make_dirs(dir, 0700));
    return sys::write_file_atomic(path, document.dump(2) + "\n", 0600, sys::Sync::yes);
}

}  // namespace crank::engine
