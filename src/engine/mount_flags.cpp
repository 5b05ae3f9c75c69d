// -v, --mount and --tmpfs.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "engine/csv.h"
#include "engine/options.h"
#include "engine/volume.h"

namespace crank::engine {

std::string clean_path(std::string_view path) {
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

namespace {

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

Result<std::string> check_destination(std::string_view flag, std::string_view text,
                                      std::string_view destination) {
    if (!destination.starts_with('/'))
        return fail(Code::invalid_argument, std::string(flag) + " " + in_quotes(text) +
                                                ": the path in the container must be absolute");
    std::string path = clean_path(destination);
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
    } else if (option == "nocopy" && mount.volume) {
        mount.volume->copy = false;
    } else if (option == "noexec" || option == "nosuid" || option == "nodev") {
        mount.flags.emplace_back(option);
    } else if (option == "exec" || option == "suid" || option == "dev") {
        std::erase(mount.flags, "no" + std::string(option));
    } else if (option == "rbind" || option == "bind") {
        mount.recursive = option == "rbind";
    } else if (option == "rprivate" || option == "private") {
        // What a mount is anyway.
    } else if (option == "z" || option == "Z") {
        // SELinux relabelling: there is none to do where SELinux does not run, as on Debian.
    } else {
        constexpr std::string_view kDockers[] = {"cached",  "consistent", "delegated", "shared",
                                                 "rshared", "slave",      "rslave",    "U"};
        bool known =
            std::find(std::begin(kDockers), std::end(kDockers), option) != std::end(kDockers);
        std::string why = option == "nocopy"
                              ? " is for volumes, and this is a directory of the host"
                          : known ? " is not supported yet"
                                  : " is unknown (ro, rw, noexec, nosuid, nodev, noidmap, nocopy)";
        return fail(known ? Code::unsupported : Code::invalid_argument,
                    "--volume " + in_quotes(text) + ": option " + in_quotes(option) + why);
    }
    return {};
}

bool is_tmpfs_option(const std::string& option) {
    constexpr std::string_view kWords[] = {"rw",     "ro",  "exec",  "noexec", "suid",
                                           "nosuid", "dev", "nodev", "noatime"};
    constexpr std::string_view kKeys[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"};
    std::string key = option.substr(0, option.find('='));
    bool valued = key.size() + 1 < option.size();
    return valued ? std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys)
                  : std::find(std::begin(kWords), std::end(kWords), option) != std::end(kWords);
}

// What a path on the host is in -v; otherwise it names a volume.
bool is_path(std::string_view source) {
    return source.starts_with('/') || source == "." || source == ".." || source.starts_with("./") ||
           source.starts_with("../");
}

std::string host_path(std::string_view source, std::string_view current_dir) {
    if (source.starts_with('/')) return clean_path(source);
    return clean_path(std::string(current_dir) + "/" + std::string(source));
}

}  // namespace

Result<BindMount> parse_volume(std::string_view text, std::string_view current_dir) {
    std::vector<std::string> parts = split(text, ':');
    std::string shape = "--volume " + in_quotes(text) + ": ";
    BindMount mount;
    if (parts.size() == 1) {
        mount.volume.emplace();
        mount.destination = TRY(check_destination("--volume", text, parts[0]));
        return mount;
    }
    if (parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return fail(Code::invalid_argument, shape + "wanted HOST:CONTAINER[:ro]");
    if (is_path(parts[0])) {
        mount.source = host_path(parts[0], current_dir);
    } else {
        Result<> good = volumes::check_name(parts[0]);
        if (!good)
            return fail(Error(Code::invalid_argument, shape + good.error().message())
                            .with_hint("for a directory here write ./" + parts[0]));
        mount.volume = VolumeUse{.name = parts[0]};
    }
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
    for (std::string& option : split(text.substr(colon + 1), ',')) {
        if (!is_tmpfs_option(option))
            return fail(Code::invalid_argument,
                        "--tmpfs " + in_quotes(text) + ": unknown option " + in_quotes(option));
        mount.options.push_back(std::move(option));
    }
    return mount;
}

namespace {

// One --mount while it is read.
struct MountFlag {
    std::string_view text;
    std::string type = "volume", source, target;
    bool has_source = false;
    std::optional<bool> read_only;
    BindMount mount;
    TmpfsMount tmpfs;

    Error bad(const std::string& why) const {
        return Error(Code::invalid_argument, "--mount " + in_quotes(text) + ": " + why);
    }
    Error unsupported(const std::string& key, const std::string& why) const {
        return bad(key + " is not supported" + (why.empty() ? "" : ": " + why))
            .with_code(Code::unsupported);
    }
};

Result<bool> flag_value(const MountFlag& flag, const std::string& key, const std::string& value,
                        bool has_value) {
    if (!has_value || value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return fail(flag.bad(key + " is true or false, not " + in_quotes(value)));
}

Result<> read_bind_key(MountFlag& flag, const std::string& key, const std::string& value,
                       bool has_value) {
    if (key == "bind-propagation") {
        if (value == "rprivate" || value == "private") return {};
        constexpr std::string_view kOthers[] = {"shared", "rshared", "slave", "rslave"};
        if (std::ranges::find(kOthers, value) == std::end(kOthers))
            return fail(flag.bad("unknown propagation " + in_quotes(value)));
        return fail(flag.unsupported("bind-propagation=" + value,
                                     "what is mounted later on either side stays there"));
    }
    if (key == "bind-nonrecursive") {
        flag.mount.recursive = !TRY(flag_value(flag, key, value, has_value));
        return {};
    }
    if (key == "bind-recursive") {
        if (value != "enabled" && value != "disabled" && value != "readonly" && value != "writable")
            return fail(flag.bad("bind-recursive is enabled or disabled, not " + in_quotes(value)));
        if (value == "writable")
            return fail(flag.unsupported("bind-recursive=writable",
                                         "what is read-only is so with all that is mounted below"));
        flag.mount.recursive = value != "disabled";
        return {};
    }
    return fail(flag.bad("unknown key " + in_quotes(key)));
}

Result<> read_volume_key(MountFlag& flag, const std::string& key, const std::string& value,
                         bool has_value) {
    if (!flag.mount.volume) flag.mount.volume.emplace();
    VolumeUse& volume = *flag.mount.volume;
    if (key == "volume-nocopy") {
        volume.copy = !TRY(flag_value(flag, key, value, has_value));
        return {};
    }
    if (key == "volume-label") {
        auto [name, text] = TRY_IN(parse_label(value), "--mount volume-label");
        volume.labels.insert_or_assign(name, text);
        return {};
    }
    if (key == "volume-driver" && value == "local") return {};
    if (key == "volume-driver")
        return fail(flag.unsupported("volume-driver=" + value, "volumes are local"));
    if (key == "volume-opt")
        return fail(
            flag.unsupported(key, "mount it on the host, and the directory with type=bind"));
    if (key == "volume-subpath") return fail(flag.unsupported(key, "mount the whole volume"));
    return fail(flag.bad("unknown key " + in_quotes(key)));
}

Result<> read_tmpfs_key(MountFlag& flag, const std::string& key, const std::string& value) {
    if (key == "tmpfs-size") {
        std::int64_t size = TRY_IN(parse_size(value), "--mount tmpfs-size");
        flag.tmpfs.options.push_back("size=" + std::to_string(size));
        return {};
    }
    if (key == "tmpfs-mode") {
        bool octal = !value.empty() && value.size() <= 5 &&
                     value.find_first_not_of("01234567") == std::string::npos;
        if (!octal) return fail(flag.bad("tmpfs-mode is octal: 1770, not " + in_quotes(value)));
        flag.tmpfs.options.push_back("mode=" + value);
        return {};
    }
    return fail(flag.bad("unknown key " + in_quotes(key)));
}

Result<> read_mount_key(MountFlag& flag, const std::string& key, const std::string& value,
                        bool has_value) {
    bool prefixed =
        key.starts_with("bind-") || key.starts_with("volume-") || key.starts_with("tmpfs-");
    if (prefixed && !key.starts_with(flag.type + "-"))
        return fail(flag.bad("key " + in_quotes(key) + " does not go with type=" + flag.type));
    if (key.starts_with("bind-")) return read_bind_key(flag, key, value, has_value);
    if (key.starts_with("volume-")) return read_volume_key(flag, key, value, has_value);
    if (key.starts_with("tmpfs-")) return read_tmpfs_key(flag, key, value);
    if (key == "source" || key == "src") {
        flag.source = value;
        flag.has_source = true;
    } else if (key == "target" || key == "destination" || key == "dst") {
        flag.target = value;
    } else if (key == "readonly" || key == "ro") {
        flag.read_only = TRY(flag_value(flag, key, value, has_value));
    } else if (key == "rw" || key == "readwrite") {
        flag.read_only = !TRY(flag_value(flag, key, value, has_value));
    } else if (key == "z" || key == "relabel") {
        // SELinux relabelling, as with -v.
    } else if (key == "consistency") {
        // Of Docker on macOS; every mount here is consistent.
        if (value != "consistent" && value != "cached" && value != "delegated" &&
            value != "default")
            return fail(flag.bad("unknown consistency " + in_quotes(value)));
    } else if (key != "type") {
        return fail(flag.bad("unknown key " + in_quotes(key)));
    }
    return {};
}

Result<> read_type(MountFlag& flag, const std::vector<std::string>& fields) {
    for (const std::string& field : fields)
        if (field.starts_with("type=")) flag.type = to_lower(std::string_view(field).substr(5));
    if (flag.type == "bind" || flag.type == "volume" || flag.type == "tmpfs") return {};
    bool others = flag.type == "image" || flag.type == "npipe" || flag.type == "cluster";
    return fail(others
                    ? flag.unsupported("type=" + flag.type, "bind, volume and tmpfs are")
                    : flag.bad("unknown type " + in_quotes(flag.type) + " (bind, volume, tmpfs)"));
}

Result<MountOf> finish_mount(MountFlag& flag, std::string_view current_dir) {
    if (flag.target.empty())
        return fail(
            flag.bad("target is missing").with_hint("--mount type=volume,src=NAME,dst=DIR"));
    std::string target = TRY(check_destination("--mount", flag.text, flag.target));
    if (flag.type == "tmpfs") {
        if (flag.has_source) return fail(flag.bad("a tmpfs has no source"));
        if (flag.read_only.value_or(false)) flag.tmpfs.options.emplace_back("ro");
        flag.tmpfs.destination = target;
        return MountOf{std::nullopt, flag.tmpfs};
    }
    BindMount& mount = flag.mount;
    mount.destination = target;
    mount.read_only = flag.read_only.value_or(false);
    if (flag.type == "bind") {
        if (flag.source.empty()) return fail(flag.bad("source is missing"));
        if (!is_path(flag.source))
            return fail(flag.bad("the source of a bind mount is a path: ./" + flag.source));
        mount.source = host_path(flag.source, current_dir);
        return MountOf{mount, std::nullopt};
    }
    if (!mount.volume) mount.volume.emplace();
    if (!flag.source.empty()) {
        Result<> good = volumes::check_name(flag.source);
        if (!good)
            return fail(flag.bad(good.error().message())
                            .with_hint("a directory of the host has type=bind"));
    }
    mount.volume->name = flag.source;
    return MountOf{mount, std::nullopt};
}

}  // namespace

Result<MountOf> parse_mount(std::string_view text, std::string_view current_dir) {
    MountFlag flag{.text = text};
    Result<std::vector<std::string>> fields = csv_fields(text);
    if (!fields) return fail(flag.bad(fields.error().message()));
    TRY(read_type(flag, *fields));
    for (const std::string& field : *fields) {
        std::size_t equals = field.find('=');
        bool has_value = equals != std::string::npos;
        constexpr std::string_view kSwitches[] = {
            "readonly", "ro", "rw", "readwrite", "volume-nocopy", "bind-nonrecursive", "z", "Z"};
        bool may_stand_alone = std::ranges::find(kSwitches, field) != std::end(kSwitches);
        if (!has_value && !may_stand_alone)
            return fail(flag.bad(in_quotes(field) + " is no key=value"));
        TRY(read_mount_key(flag, to_lower(field.substr(0, equals)),
                           has_value ? field.substr(equals + 1) : "", has_value));
    }
    return finish_mount(flag, current_dir);
}

Result<VolumesFrom> parse_volumes_from(std::string_view text) {
    std::size_t colon = text.find(':');
    VolumesFrom from{.container = std::string(text.substr(0, colon)), .read_only = false};
    std::string mode(colon == std::string_view::npos ? "rw" : text.substr(colon + 1));
    if (from.container.empty())
        return fail(Code::invalid_argument,
                    "--volumes-from " + in_quotes(text) + ": wanted CONTAINER[:ro]");
    if (mode != "ro" && mode != "rw" && mode != "z" && mode != "Z")
        return fail(Code::invalid_argument,
                    "--volumes-from " + in_quotes(text) + ": unknown mode " + in_quotes(mode));
    from.read_only = mode == "ro";
    return from;
}

}  // namespace crank::engine
