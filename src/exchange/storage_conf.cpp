#include "exchange/storage_conf.h"

#include "registry/toml.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::exchange {

namespace {

using Environment = std::map<std::string, std::string>;

bool is_name_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::string expand(std::string_view text, const Environment& environment) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$') {
            out += text[i];
            continue;
        }
        bool braced = text.substr(i + 1).starts_with('{');
        std::size_t begin = i + 1 + (braced ? 1 : 0), end = begin;
        while (end < text.size() && is_name_character(text[end])) ++end;
        auto found = environment.find(std::string(text.substr(begin, end - begin)));
        if (found != environment.end()) out += found->second;
        i = braced ? end : end - 1;
    }
    return out;
}

Result<std::string> text_in(const registry::TomlTable& table, const std::string& name) {
    auto at = table.values.find(name);
    if (at == table.values.end()) return std::string();
    if (const auto* text = std::get_if<std::string>(&at->second)) return *text;
    return fail(Code::invalid_argument,
                "table at line " + std::to_string(table.line) + ": '" + name + "' is not a text");
}

std::string value_of(const Environment& environment, const std::string& name,
                     const std::string& otherwise) {
    auto at = environment.find(name);
    return at == environment.end() || at->second.empty() ? otherwise : at->second;
}

Environment own_environment() {
    Environment out;
    for (const std::string& entry : sys::environment()) {
        std::size_t equals = entry.find('=');
        if (equals != std::string::npos)
            out.try_emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    out["UID"] = std::to_string(sys::effective_uid());
    return out;
}

// The first of them that is there; nothing else is looked at.
Result<StorageConf> read_first(const std::vector<std::string>& paths,
                               const Environment& environment) {
    for (const std::string& path : paths) {
        auto text = sys::read_file(path, std::size_t{1} << 20);
        if (!text && text.error().code() == Code::not_found) continue;
        if (!text) return fail(std::move(text).error());
        auto conf = parse_storage_conf(*text, environment);
        if (!conf)
            return fail(std::move(conf).error().with_context(path).with_hint(
                "containers-storage:[overlay@/PATH]NAME says where it is"));
        return conf;
    }
    return StorageConf();
}

}  // namespace

Result<StorageConf> parse_storage_conf(std::string_view text, const Environment& environment) {
    StorageConf out;
    for (const registry::TomlTable& table : TRY(registry::parse_toml(text))) {
        if (table.name == std::vector<std::string>{"storage"}) {
            out.driver = TRY(text_in(table, "driver"));
            out.root = expand(TRY(text_in(table, "graphroot")), environment);
            out.rootless_root = expand(TRY(text_in(table, "rootless_storage_path")), environment);
        }
        if (table.name != std::vector<std::string>{"storage", "options"}) continue;
        auto stores = table.values.find("additionalimagestores");
        if (stores == table.values.end()) continue;
        const auto* paths = std::get_if<std::vector<std::string>>(&stores->second);
        if (paths == nullptr)
            return fail(Code::invalid_argument, "'additionalimagestores' is not a list of texts");
        for (const std::string& path : *paths)
            if (!path.empty()) out.additional.push_back(expand(path, environment));
    }
    return out;
}

Result<StoragePlace> find_storage() {
    const Environment environment = own_environment();
    std::vector<std::string> system{"/etc/containers/storage.conf",
                                    "/usr/share/containers/storage.conf"};
    if (std::string own = value_of(environment, "CONTAINERS_STORAGE_CONF", ""); !own.empty())
        system = {own};
    StorageConf conf = TRY(read_first(system, environment));
    StoragePlace out{conf.driver, {}};
    if (sys::effective_uid() == 0) {
        out.roots = {conf.root.empty() ? "/var/lib/containers/storage" : conf.root};
    } else {
        std::string home = value_of(environment, "HOME", "");
        StorageConf own =
            TRY(read_first({value_of(environment, "XDG_CONFIG_HOME", home + "/.config") +
                            "/containers/storage.conf"},
                           environment));
        if (!own.driver.empty()) out.driver = own.driver;
        std::string root = own.root.empty() ? conf.rootless_root : own.root;
        if (root.empty())
            root = value_of(environment, "XDG_DATA_HOME", home + "/.local/share") +
                   "/containers/storage";
        out.roots = {root};
        conf.additional.insert(conf.additional.begin(), own.additional.begin(),
                               own.additional.end());
    }
    out.roots.insert(out.roots.end(), conf.additional.begin(), conf.additional.end());
    return out;
}

}  // namespace crank::exchange
