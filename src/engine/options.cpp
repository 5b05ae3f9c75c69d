#include "engine/options.h"

#include <algorithm>

#include "base/text.h"

namespace crank::engine {
namespace {

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Without "." and "..", repeated and trailing slashes; `path` is absolute.
std::string clean(std::string_view path) {
    std::vector<std::string> parts;
    for (std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else {
            parts.push_back(std::move(part));
        }
    }
    return "/" + join(parts, "/");
}

Result<std::string> check_destination(std::string_view flag, std::string_view text,
                                      std::string_view destination) {
    if (!destination.starts_with('/'))
        return fail(Code::invalid_argument, std::string(flag) + " " + in_quotes(text) +
                                                ": the path in the container must be absolute");
    std::string path = clean(destination);
    if (path == "/")
        return fail(Code::invalid_argument,
                    std::string(flag) + " " + in_quotes(text) + ": the destination cannot be /");
    return path;
}

Result<> apply_volume_option(BindMount& mount, std::string_view text, std::string_view option) {
    if (option == "ro" || option == "readonly") {
        mount.read_only = true;
    } else if (option == "rw") {
        mount.read_only = false;
    } else if (option == "idmap" || option == "noidmap") {
        mount.map_ids = option == "idmap";
    } else if (option == "rprivate" || option == "private") {
        // What a mount is anyway.
    } else if (option == "z" || option == "Z") {
        // SELinux relabelling: there is none to do where SELinux does not run, as on Debian.
    } else {
        constexpr std::string_view kDockers[] = {"cached", "consistent", "delegated",
                                                 "nocopy", "shared",     "rshared",
                                                 "slave",  "rslave",     "U"};
        bool known =
            std::find(std::begin(kDockers), std::end(kDockers), option) != std::end(kDockers);
        return fail(known ? Code::unsupported : Code::invalid_argument,
                    "--volume " + in_quotes(text) + ": option " + in_quotes(option) +
                        (known ? " is not supported yet" : " is unknown (ro, rw, noidmap)"));
    }
    return {};
}

}  // namespace

Result<BindMount> parse_volume(std::string_view text, std::string_view current_dir) {
    std::vector<std::string> parts = split(text, ':');
    std::string shape = "--volume " + in_quotes(text) + ": ";
    if (parts.size() == 1)
        return fail(
            Error(Code::unsupported, shape + "anonymous volumes are not supported yet")
                .with_hint("name a directory of the host: -v /host/dir:" + std::string(text)));
    if (parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return fail(Code::invalid_argument, shape + "wanted HOST:CONTAINER[:ro]");
    BindMount mount;
    if (parts[0].starts_with('/'))
        mount.source = clean(parts[0]);
    else if (parts[0] == "." || parts[0] == ".." || parts[0].starts_with("./") ||
             parts[0].starts_with("../"))
        mount.source = clean(std::string(current_dir) + "/" + parts[0]);
    else
        return fail(Error(Code::unsupported, shape + "named volumes are not supported yet")
                        .with_hint("for a directory here write ./" + parts[0]));
    mount.destination = TRY(check_destination("--volume", text, parts[1]));
    if (parts.size() == 3)
        for (const std::string& option : split(parts[2], ','))
            TRY(apply_volume_option(mount, text, option));
    return mount;
}

Result<TmpfsMount> parse_tmpfs(std::string_view text) {
    std::size_t colon = text.find(':');
    TmpfsMount mount;
    mount.destination = TRY(check_destination("--tmpfs", text, text.substr(0, colon)));
    if (colon == std::string_view::npos) return mount;
    constexpr std::string_view kWords[] = {"rw",     "ro",  "exec",  "noexec", "suid",
                                           "nosuid", "dev", "nodev", "noatime"};
    constexpr std::string_view kKeys[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"};
    for (std::string& option : split(text.substr(colon + 1), ',')) {
        std::string key = option.substr(0, option.find('='));
        bool valued = key.size() + 1 < option.size();
        bool good =
            valued ? std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys)
                   : std::find(std::begin(kWords), std::end(kWords), option) != std::end(kWords);
        if (!good)
            return fail(Code::invalid_argument,
                        "--tmpfs " + in_quotes(text) + ": unknown option " + in_quotes(option));
        mount.options.push_back(std::move(option));
    }
    return mount;
}

bool wants_own_ids(const RunOptions& options) {
    if (options.userns) return options.userns->mode == ids::Wanted::Mode::automatic;
    return options.sandbox == Sandbox::strict;
}

Result<NetworkMode> parse_network(std::string_view text) {
    if (text == "bridge" || text == "default" || text.empty()) return NetworkMode::bridge;
    if (text == "none") return NetworkMode::none;
    if (text == "host") return NetworkMode::host;
    if (text.starts_with("container:"))
        return fail(Code::unsupported, "--network container: is not supported yet");
    return fail(Error(Code::not_found, "no network " + in_quotes(text))
                    .with_hint("--network bridge, none or host"));
}

std::string_view network_name(NetworkMode mode) {
    switch (mode) {
        case NetworkMode::bridge: return "bridge";
        case NetworkMode::none: return "none";
        case NetworkMode::host: return "host";
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
