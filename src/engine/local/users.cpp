#include "engine/local/users.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace crank::engine::local {
namespace {

constexpr std::int64_t kMaxId = 0x7fffffff;  // Docker's limit; -1 would mean "do not change"

std::optional<std::uint32_t> parse_id(std::string_view text) {
    auto number = parse_int(text);
    if (!number || *number < 0 || *number > kMaxId) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

struct PasswdEntry {
    std::uint32_t uid, gid;
    std::string name, home;
};

// passwd(5): name:password:UID:GID:GECOS:directory:shell
std::optional<PasswdEntry> find_passwd(std::string_view passwd, std::string_view name,
                                       std::optional<std::uint32_t> uid) {
    for (const std::string& line : split(passwd, '\n')) {
        std::vector<std::string> fields = split(line, ':');
        if (fields.size() < 6) continue;
        auto id = parse_id(fields[2]), gid = parse_id(fields[3]);
        if (!id || !gid) continue;
        if (uid ? *id == *uid : fields[0] == name)
            return PasswdEntry{*id, *gid, fields[0], fields[5]};
    }
    return std::nullopt;
}

struct GroupEntry {
    std::string name;
    std::uint32_t gid;
    std::vector<std::string> members;
};

// group(5): name:password:GID:member,member
std::vector<GroupEntry> parse_groups(std::string_view group) {
    std::vector<GroupEntry> groups;
    for (const std::string& line : split(group, '\n')) {
        std::vector<std::string> fields = split(line, ':');
        if (fields.size() < 3) continue;
        auto gid = parse_id(fields[2]);
        if (!gid) continue;
        groups.push_back({fields[0], *gid,
                          fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string>{}});
    }
    return groups;
}

Result<std::uint32_t> resolve_group(std::string_view text, const std::vector<GroupEntry>& groups) {
    for (const GroupEntry& entry : groups)
        if (entry.name == text) return entry.gid;
    if (auto id = parse_id(text)) return *id;
    if (is_number(text))
        return fail(Code::invalid_argument, "group id " + std::string(text) + " is out of range");
    return fail(Code::not_found, "no group " + std::string(text) + " in the image");
}

Result<ResolvedUser> resolve_owner(std::string_view owner, std::string_view passwd,
                                   std::string& name) {
    ResolvedUser user;
    std::optional<PasswdEntry> entry;
    if (owner.empty()) {
        entry = find_passwd(passwd, "", 0);
    } else {
        entry = find_passwd(passwd, owner, std::nullopt);
        if (!entry && is_number(owner)) {
            auto id = parse_id(owner);
            if (!id)
                return fail(Code::invalid_argument,
                            "user id " + std::string(owner) + " is out of range");
            user.uid = *id;
            entry = find_passwd(passwd, "", *id);
        } else if (!entry) {
            return fail(Error(Code::not_found, "no user " + std::string(owner) + " in the image")
                            .with_hint("a numeric user needs no entry: --user 1000:1000"));
        }
    }
    if (!entry) return user;
    user.uid = entry->uid;
    user.gid = entry->gid;
    if (entry->home.starts_with('/')) user.home = entry->home;
    name = entry->name;
    return user;
}

}  // namespace

Result<ResolvedUser> resolve_user(std::string_view text, std::string_view passwd,
                                  std::string_view group) {
    std::size_t colon = text.find(':');
    std::string name;
    ResolvedUser user = TRY(resolve_owner(text.substr(0, colon), passwd, name));
    std::vector<GroupEntry> groups = parse_groups(group);
    if (colon != std::string_view::npos && colon + 1 < text.size()) {
        user.gid = TRY(resolve_group(text.substr(colon + 1), groups));
        return user;
    }
    for (const GroupEntry& entry : groups)
        if (!name.empty() &&
            std::find(entry.members.begin(), entry.members.end(), name) != entry.members.end())
            user.additional_gids.push_back(entry.gid);
    std::sort(user.additional_gids.begin(), user.additional_gids.end());
    user.additional_gids.erase(
        std::unique(user.additional_gids.begin(), user.additional_gids.end()),
        user.additional_gids.end());
    return user;
}

}  // namespace crank::engine::local
