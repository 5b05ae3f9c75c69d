#include "engine/paths.h"

#include <cstdlib>
#include <string_view>

#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Result<std::string> absolute(std::string path) {
    if (!path.starts_with('/')) path = TRY(sys::current_dir()) + "/" + path;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

// $XDG_..., else a directory below the home directory.
Result<std::string> user_dir(const char* variable, std::string_view below_home) {
    // The XDG base directory specification: a relative path is to be ignored.
    if (std::string dir = environment(variable); dir.starts_with('/')) return dir + "/crank";
    std::string home = environment("HOME");
    if (!home.starts_with('/'))
        return fail(Error(Code::failed_precondition, "HOME is not set")
                        .with_hint("set HOME, or name the places with --root, --state, --config"));
    return home + std::string(below_home) + "/crank";
}

Result<std::string> default_state() {
    if (sys::effective_uid() == 0) return "/run/crank";
    if (std::string dir = environment("XDG_RUNTIME_DIR"); dir.starts_with('/'))
        return dir + "/crank";
    std::string uid = std::to_string(sys::effective_uid());
    // Where nobody has logged in (su, cron) there is no such directory.
    if (sys::exists("/run/user/" + uid)) return "/run/user/" + uid + "/crank";
    return "/tmp/crank-" + uid;
}

Result<std::string> default_root() {
    if (sys::effective_uid() == 0) return "/var/lib/crank";
    return user_dir("XDG_DATA_HOME", "/.local/share");
}

Result<std::string> default_config() {
    Result<std::string> dir = user_dir("XDG_CONFIG_HOME", "/.config");
    // Without a home there is no user's configuration; that is no error until one is written.
    if (!dir) return "/etc/crank/config.json";
    return *dir + "/config.json";
}

Result<std::string> choose(const std::string& given, const char* variable,
                           Result<std::string> (*otherwise)()) {
    if (!given.empty()) return absolute(given);
    if (std::string value = environment(variable); !value.empty()) return absolute(value);
    return otherwise();
}

}  // namespace

Result<Paths> find_paths(const GivenPaths& given) {
    return Paths{.root = TRY(choose(given.root, "CRANK_ROOT", default_root)),
                 .state = TRY(choose(given.state, "CRANK_STATE", default_state)),
                 .config = TRY(choose(given.config, "CRANK_CONFIG", default_config))};
}

Result<std::string> program_dir() {
    std::string path = TRY(sys::read_link("/proc/self/exe"));
    return path.substr(0, path.rfind('/'));
}

namespace {

Result<std::string> find_beside(const std::string& name) {
    std::string dir = TRY(program_dir());
    for (const std::string& path : {dir + "/" + name, dir + "/../libexec/crank/" + name})
        if (sys::exists(path)) return path;
    return fail(
        Error(Code::not_found, name + " is not installed beside crank").with_hint("./dev install"));
}

}  // namespace

Result<std::string> crank_net_path() { return find_beside("crank-net"); }
Result<std::string> crank_gateway_path() { return find_beside("crank-gateway"); }

}  // namespace crank::engine
