// RUN --mount=type=...,key=value,...
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "base/units.h"
#include "dockerfile/instructions.h"
#include "dockerfile/paths.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(Code::invalid_argument, std::move(message));
}

}  // namespace

Result<std::vector<std::string>> csv_fields(std::string_view text) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            fields.back() += '"';
            ++i;
        } else if (quoted ? c == '"' : c == '"' && fields.back().empty()) {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    if (quoted) return bad("missing the closing quote in " + quote_line(text));
    return fields;
}

namespace {

struct Field {
    std::string key;  // lower case
    std::string value;
    bool has_value = false;
};

Result<std::vector<Field>> fields_of(std::string_view text) {
    std::vector<Field> out;
    for (std::string& field : TRY(csv_fields(text))) {
        std::size_t equals = field.find('=');
        bool has_value = equals != std::string::npos;
        out.push_back({to_lower(field.substr(0, equals)),
                       has_value ? field.substr(equals + 1) : std::string(), has_value});
    }
    return out;
}

struct TypeName {
    std::string_view name;
    Mount::Type type;
};
constexpr std::array kTypes = {
    TypeName{"bind", Mount::Type::bind},   TypeName{"cache", Mount::Type::cache},
    TypeName{"tmpfs", Mount::Type::tmpfs}, TypeName{"secret", Mount::Type::secret},
    TypeName{"ssh", Mount::Type::ssh},
};

Result<Mount::Type> type_of(const std::vector<Field>& fields) {
    auto field = std::ranges::find(fields, "type", &Field::key);
    if (field == fields.end()) return Mount::Type::bind;
    std::string name = to_lower(field->value);
    const auto* found = std::ranges::find(kTypes, name, &TypeName::name);
    if (found != kTypes.end()) return found->type;
    Error error(Code::invalid_argument, "unknown mount type " + quote_line(field->value));
    std::array<std::string_view, kTypes.size()> names;
    std::ranges::transform(kTypes, names.begin(), &TypeName::name);
    if (auto guess = did_you_mean(name, names))
        return fail(std::move(error).with_hint("did you mean type=" + *guess + "?"));
    return fail(std::move(error).with_hint("types are bind, cache, tmpfs, secret and ssh"));
}

Result<bool> flag_of(const Field& field) {
    if (!field.has_value) return true;
    std::string word = to_lower(field.value);
    if (word == "true" || word == "1") return true;
    if (word == "false" || word == "0") return false;
    return bad(field.key + " of a mount takes true or false, not " + quote_line(field.value));
}

Result<std::uint32_t> number_of(const Field& field, int base) {
    std::uint32_t out = 0;
    const char* end = field.value.data() + field.value.size();
    auto [stop, error] = std::from_chars(field.value.data(), end, out, base);
    if (field.value.empty() || error != std::errc{} || stop != end ||
        out > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
        return bad(field.key + " of a mount must be a number, not " + quote_line(field.value));
    return out;
}

// What each key sets; `types` lists the first letters of the mount types that know it.
struct Key {
    std::string_view name;
    std::string_view types;  // b c t s (secret) h (ssh)
};
constexpr std::array kKeys = {
    Key{"type", "bctsh"},
    Key{"from", "bc"},
    Key{"source", "bcs"},
    Key{"src", "bcs"},
    Key{"target", "bctsh"},
    Key{"dst", "bctsh"},
    Key{"destination", "bctsh"},
    Key{"readonly", "bc"},
    Key{"ro", "bc"},
    Key{"readwrite", "bc"},
    Key{"rw", "bc"},
    Key{"id", "csh"},
    Key{"sharing", "c"},
    Key{"required", "sh"},
    Key{"env", "s"},
    Key{"size", "t"},
    Key{"mode", "csh"},
    Key{"uid", "csh"},
    Key{"gid", "csh"},
};

Result<> check_key(const Field& field, Mount::Type type) {
    const auto* key = std::ranges::find(kKeys, field.key, &Key::name);
    if (key == kKeys.end()) {
        Error error(Code::invalid_argument, "unknown key " + quote_line(field.key) + " of a mount");
        std::array<std::string_view, kKeys.size()> names;
        std::ranges::transform(kKeys, names.begin(), &Key::name);
        if (auto guess = did_you_mean(field.key, names))
            return fail(std::move(error).with_hint("did you mean " + *guess + "?"));
        return fail(std::move(error));
    }
    char letter = "bctsh"[static_cast<int>(type)];
    if (key->types.find(letter) == std::string_view::npos) {
        return bad("a " + std::string(kTypes[static_cast<std::size_t>(type)].name) +
                   " mount takes no " + field.key);
    }
    constexpr std::string_view kFlags = " readonly ro readwrite rw required env ";
    if (!field.has_value && kFlags.find(" " + field.key + " ") == std::string_view::npos)
        return bad(field.key + " of a mount needs a value");
    return {};
}

Result<> set_field(Mount& mount, const Field& field) {
    const std::string& key = field.key;
    if (key == "from")
        mount.from = field.value;
    else if (key == "source" || key == "src")
        mount.source = field.value;
    else if (key == "target" || key == "dst" || key == "destination")
        mount.target = field.value;
    else if (key == "readonly" || key == "ro")
        mount.read_only = TRY(flag_of(field));
    else if (key == "readwrite" || key == "rw")
        mount.read_only = !TRY(flag_of(field));
    else if (key == "id")
        mount.id = field.value;
    else if (key == "sharing")
        mount.sharing = to_lower(field.value);
    else if (key == "required")
        mount.required = TRY(flag_of(field));
    else if (key == "env")
        mount.env = field.value;
    else if (key == "size")
        mount.size = TRY(parse_size(field.value));
    else if (key == "mode")
        mount.mode = TRY(number_of(field, 8));
    else if (key == "uid")
        mount.uid = TRY(number_of(field, 10));
    else if (key == "gid")
        mount.gid = TRY(number_of(field, 10));
    return {};
}

}  // namespace

std::string_view mount_type_name(Mount::Type type) {
    return kTypes[static_cast<std::size_t>(type)].name;
}

Result<Mount> parse_mount(std::string_view value) {
    std::vector<Field> fields = TRY(fields_of(value));
    Mount mount;
    mount.type = TRY(type_of(fields));
    // A bind mount is read-only unless it says otherwise.
    mount.read_only = mount.type == Mount::Type::bind;
    for (const Field& field : fields) {
        TRY(check_key(field, mount.type));
        TRY(set_field(mount, field));
    }
    bool needs_target = mount.type == Mount::Type::bind || mount.type == Mount::Type::cache ||
                        mount.type == Mount::Type::tmpfs;
    if (needs_target && mount.target.empty()) return bad("a mount needs target=PATH");
    if (mount.sharing.empty() && mount.type == Mount::Type::cache) mount.sharing = "shared";
    constexpr std::string_view kSharing = " shared private locked ";
    if (!mount.sharing.empty() &&
        kSharing.find(" " + mount.sharing + " ") == std::string_view::npos)
        return bad("sharing of a mount is shared, private or locked, not " +
                   quote_line(mount.sharing));
    return mount;
}

namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<> complete_secret(Mount& mount) {
    if (!mount.source.empty()) mount.id = mount.source;
    if (mount.id.empty()) mount.id = base_name(mount.target);
    if (mount.id.empty())
        return fail(Error(Code::invalid_argument, "a secret mount names no secret")
                        .with_hint("write --mount=type=secret,id=NAME"));
    if (mount.target.empty() && mount.env.empty())
        mount.target = "/run/secrets/" + base_name(mount.id);
    return {};
}

}  // namespace

Result<> complete_mount(Mount& mount, std::string_view workdir, std::size_t agents) {
    if (mount.type == Mount::Type::secret) TRY(complete_secret(mount));
    if (mount.type == Mount::Type::ssh) {
        if (mount.id.empty()) mount.id = "default";
        if (mount.target.empty())
            mount.target = "/run/buildkit/ssh_agent." + std::to_string(agents);
    }
    if (!mount.target.empty()) mount.target = resolve_path(workdir, mount.target);
    if (mount.target == "/") return bad("a mount cannot take the place of /");
    if (mount.type == Mount::Type::bind || mount.type == Mount::Type::cache)
        mount.source = resolve_path("/", mount.source);
    if (mount.type == Mount::Type::cache && mount.id.empty()) mount.id = mount.target;
    return {};
}

Result<std::string> mount_from(std::string_view value) {
    for (const Field& field : TRY(fields_of(value))) {
        if (field.key != "from") continue;
        if (field.value.find('$') != std::string::npos)
            return fail(Error(Code::invalid_argument, "from of a mount may not hold variables")
                            .with_hint("name a stage with FROM ... AS NAME and use its name"));
        return field.value;
    }
    return std::string();
}

}  // namespace crank::dockerfile
