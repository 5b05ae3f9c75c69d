#include "runtime/mount_options.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

namespace {

// mount_setattr(2) constants; a plan sees no system header.
constexpr std::uint64_t kAttrRdonly = 0x1, kAttrNosuid = 0x2, kAttrNodev = 0x4, kAttrNoexec = 0x8,
                        kAttrNoatime = 0x10, kAttrStrictatime = 0x20, kAttrNodiratime = 0x80,
                        kAttrNosymfollow = 0x200000;

std::optional<std::uint64_t> attribute(std::string_view option) {
    if (option == "ro" || option == "rro") return kAttrRdonly;
    if (option == "nosuid" || option == "rnosuid") return kAttrNosuid;
    if (option == "nodev" || option == "rnodev") return kAttrNodev;
    if (option == "noexec" || option == "rnoexec") return kAttrNoexec;
    if (option == "noatime" || option == "rnoatime") return kAttrNoatime;
    if (option == "strictatime" || option == "rstrictatime") return kAttrStrictatime;
    if (option == "nodiratime" || option == "rnodiratime") return kAttrNodiratime;
    if (option == "nosymfollow" || option == "rnosymfollow") return kAttrNosymfollow;
    return std::nullopt;
}

// What a new mount is anyway.
bool is_default(std::string_view option) {
    constexpr std::array kDefaults{
        "rw",       "suid",          "dev",        "exec",       "relatime", "atime",
        "diratime", "async",         "norelatime", "loud",       "defaults", "private",
        "rprivate", "nostrictatime", "symfollow",  "nolazytime", "nomand",   "noiversion"};
    return std::ranges::find(kDefaults, option) != kDefaults.end();
}

}  // namespace

std::optional<std::uint64_t> propagation_of(std::string_view option) {
    constexpr std::uint64_t kRec = 0x4000;  // MS_REC
    bool recursive = option.starts_with('r');
    std::string_view kind = option.substr(recursive ? 1 : 0);
    std::uint64_t flag = kind == "shared"       ? std::uint64_t{1} << 20
                         : kind == "slave"      ? std::uint64_t{1} << 19
                         : kind == "private"    ? std::uint64_t{1} << 18
                         : kind == "unbindable" ? std::uint64_t{1} << 17
                                                : 0;
    if (flag == 0) return std::nullopt;
    return flag | (recursive ? kRec : 0);
}

namespace {

// What the recursive form of an option clears; 0: it is none of these.
std::uint64_t cleared_attribute(std::string_view option) {
    constexpr std::uint64_t kAtimeKinds = 0x70;
    if (option == "rrw") return kAttrRdonly;
    if (option == "rsuid") return kAttrNosuid;
    if (option == "rdev") return kAttrNodev;
    if (option == "rexec") return kAttrNoexec;
    if (option == "rdiratime") return kAttrNodiratime;
    if (option == "rsymfollow") return kAttrNosymfollow;
    // Without any of its kinds access times are the kernel's default, relatime.
    if (option == "ratime" || option == "rrelatime" || option == "rnorelatime" ||
        option == "rnostrictatime")
        return kAtimeKinds;
    return 0;
}

// crun's form, which podman passes on: "uids=0-1000-10#20-3000-1;gids=...".
Result<std::vector<oci::IdMapping>> inline_map(std::string_view ranges, const std::string& at) {
    std::vector<oci::IdMapping> maps;
    for (const auto& range : split(ranges, '#')) {
        std::vector<std::uint32_t> numbers;
        for (const auto& word : split(range, '-'))
            if (auto number = parse_int(word); number && *number >= 0 && *number <= UINT32_MAX)
                numbers.push_back(static_cast<std::uint32_t>(*number));
        if (numbers.size() != 3)
            return fail(Code::invalid_argument,
                        at + "option idmap: '" + range + "' is not INSIDE-HOST-SIZE");
        maps.push_back({numbers[0], numbers[1], numbers[2]});
    }
    return maps;
}

Result<> parse_id_map(std::string_view option, const std::string& at, ParsedOptions& parsed) {
    using Ids = Plan::Bind::Ids;
    bool recursive = option.starts_with('r');
    parsed.ids = recursive ? Ids::mapped_recursively : Ids::mapped;
    std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) return {};
    for (const auto& part : split(option.substr(equals + 1), ';')) {
        std::string_view text = part;
        if (text.starts_with("uids="))
            parsed.uid_mappings = TRY(inline_map(text.substr(5), at));
        else if (text.starts_with("gids="))
            parsed.gid_mappings = TRY(inline_map(text.substr(5), at));
        else
            return fail(Code::invalid_argument,
                        at + "option idmap: '" + part + "' is neither uids= nor gids=");
    }
    return {};
}

bool maps_ids(std::string_view option) {
    return option == "idmap" || option == "ridmap" || option.starts_with("idmap=") ||
           option.starts_with("ridmap=");
}

}  // namespace

Result<ParsedOptions> parse_options(const oci::Mount& mount) {
    ParsedOptions parsed;
    for (const auto& option : mount.options) {
        if (auto flag = attribute(option)) {
            (option.starts_with('r') && option != "ro" ? parsed.recursive_attributes
                                                       : parsed.attributes) |= *flag;
        } else if (option == "bind" || option == "rbind") {
            parsed.bind = true;
            parsed.recursive = option == "rbind";
        } else if (is_default(option)) {
        } else if (auto propagation = propagation_of(option)) {
            parsed.propagation = *propagation;
        } else if (std::uint64_t cleared = cleared_attribute(option)) {
            parsed.cleared |= cleared;
            parsed.attributes &= ~cleared;
            parsed.recursive_attributes &= ~cleared;
        } else if (maps_ids(option)) {
            TRY(parse_id_map(option, "mounts: " + mount.destination + ": ", parsed));
        } else if (option == "tmpcopyup") {
            return fail(Code::unsupported, "mounts: option '" + option + "' of " +
                                               mount.destination + " is not supported yet");
        } else {
            parsed.data.push_back(option);
        }
    }
    if (mount.type == "bind") parsed.bind = true;
    if (!mount.uid_mappings.empty()) parsed.uid_mappings = mount.uid_mappings;
    if (!mount.gid_mappings.empty()) parsed.gid_mappings = mount.gid_mappings;
    if (!parsed.uid_mappings.empty() && parsed.ids == Plan::Bind::Ids::kept)
        parsed.ids = Plan::Bind::Ids::mapped;
    return parsed;
}

Result<> check_mapped_mount(const oci::Mount& mount, const ParsedOptions& options,
                            bool user_namespace) {
    std::string at = "mounts: " + mount.destination + ": ";
    bool maps = !options.uid_mappings.empty();
    if (maps != !options.gid_mappings.empty())
        return fail(Code::invalid_argument, at + "uidMappings and gidMappings go together");
    if (options.ids == Plan::Bind::Ids::kept) return {};
    // Whose files would be mapped otherwise?
    if (!options.bind)
        return fail(Code::invalid_argument, at + "the ids of bind mounts alone can be mapped");
    if (!maps && !user_namespace)
        return fail(Code::invalid_argument,
                    at + "the option idmap needs uidMappings and gidMappings, or a user namespace");
    TRY(check_mappings(options.uid_mappings, at + "uidMappings"));
    return check_mappings(options.gid_mappings, at + "gidMappings");
}

}  // namespace crank::runtime
