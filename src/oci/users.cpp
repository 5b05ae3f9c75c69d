#include "oci/users.h"

#include <algorithm>

#include "base/text.h"

namespace crank::oci {

namespace {

constexpr std::int64_t kMaxId = 0x7fffffff;  // Docker's limit; 2^32-1 is "no change" to chown(2)

std::optional<std::uint32_t> parse_id(std::string_view text) {
    if (text.empty() || text[0] == '+' || text[0] == '-') return std::nullopt;
    auto value = parse_int(text);
    if (!value || *value < 0 || *value > kMaxId) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct PasswdLine {
    std::string name;
    std::uint32_t uid = 0, gid = 0;
    std::string home;
};

// The fields of a line; none of one with a NUL: what it holds ends there for the C library, and
// must not become a variable of a process.
std::vector<std::string> fields_of(const std::string& line) {
    if (line.find('\0') != std::string::npos) return {};
    return split(line, ':');
}

// Calls `visit` for each well-formed line until it returns true.
template <class Visit>
void each_user(const std::string& passwd, Visit visit) {
    for (const std::string& line : split(passwd, '\n')) {
        std::vector<std::string> fields = fields_of(line);
        if (fields.size() < 6 || fields[0].empty()) continue;
        auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
        if (!uid || !gid) continue;
        if (visit(PasswdLine{fields[0], *uid, *gid, fields[5]})) return;
    }
}

template <class Visit>
void each_group(const std::string& group, Visit visit) {
    for (const std::string& line : split(group, '\n')) {
        std::vector<std::string> fields = fields_of(line);
        if (fields.size() < 3 || fields[0].empty()) continue;
        auto gid = parse_id(fields[2]);
        if (!gid) continue;
        std::string members = fields.size() > 3 ? fields[3] : std::string();
        if (visit(fields[0], *gid, members)) return;
    }
}

Result<std::uint32_t> find_group(std::string_view group, const UserFiles& files) {
    if (is_number(group)) {
        auto gid = parse_id(group);
        if (!gid)
            return fail(Code::invalid_argument,
                        "group id " + std::string(group) + " is out of range");
        return *gid;
    }
    std::optional<std::uint32_t> found;
    each_group(files.group, [&](const std::string& name, std::uint32_t gid, const std::string&) {
        if (name == group) found = gid;
        return found.has_value();
    });
    if (!found)
        return fail(Code::not_found,
                    "the image has no group " + std::string(group) + " in /etc/group");
    return *found;
}

struct Found {
    std::optional<PasswdLine> line;
    std::uint32_t uid = 0;
};

Result<Found> find_user(std::string_view user, const UserFiles& files) {
    Found found;
    bool number = is_number(user);
    if (number) {
        auto uid = parse_id(user);
        if (!uid)
            return fail(Code::invalid_argument,
                        "user id " + std::string(user) + " is out of range");
        found.uid = *uid;
    }
    each_user(files.passwd, [&](const PasswdLine& line) {
        if (number ? line.uid == found.uid : line.name == user) found.line = line;
        return found.line.has_value();
    });
    if (!found.line && !number)
        return fail(
            Error(Code::not_found, "the image has no user " + std::string(user) + " in /etc/passwd")
                .with_hint("a numeric user needs no entry: 1000:1000"));
    if (found.line) found.uid = found.line->uid;
    return found;
}

std::vector<std::uint32_t> groups_of(const std::string& name, std::uint32_t gid,
                                     const UserFiles& files) {
    std::vector<std::uint32_t> groups;
    each_group(files.group, [&](const std::string&, std::uint32_t id, const std::string& members) {
        std::vector<std::string> names = split(members, ',');
        if (id != gid && std::ranges::find(names, name) != names.end()) groups.push_back(id);
        return false;
    });
    std::ranges::sort(groups);
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

struct Parts {
    std::string_view user, group;
    bool has_group = false;
};

Result<Parts> split_user(std::string_view text) {
    std::size_t colon = text.find(':');
    Parts parts{text.substr(0, colon), {}, colon != std::string_view::npos};
    if (parts.has_group) parts.group = text.substr(colon + 1);
    if (parts.user.empty() || (parts.has_group && parts.group.empty()) ||
        parts.group.find(':') != std::string_view::npos)
        return fail(Code::invalid_argument,
                    "malformed user '" + std::string(text) + "': it must be USER or USER:GROUP");
    return parts;
}

}  // namespace

Result<UserEntry> resolve_user(std::string_view user, const UserFiles& files) {
    std::string whole(user);
    if (whole.empty() || whole[0] == ':') whole.insert(0, "0");
    Parts parts = TRY(split_user(whole));
    Found found = TRY(find_user(parts.user, files));
    UserEntry entry;
    entry.uid = found.uid;
    if (found.line) {
        entry.gid = found.line->gid;
        if (found.line->home.starts_with('/')) entry.home = found.line->home;
    }
    if (parts.has_group)
        entry.gid = TRY(find_group(parts.group, files));
    else if (found.line)
        entry.groups = groups_of(found.line->name, entry.gid, files);
    return entry;
}

Result<Owner> resolve_owner(std::string_view chown, const UserFiles& files) {
    if (chown.empty()) return Owner{};
    Parts parts = TRY(split_user(chown));
    Found found = TRY(find_user(parts.user, files));
    Owner owner{found.uid, found.uid};
    if (parts.has_group)
        owner.gid = TRY(find_group(parts.group, files));
    else if (!is_number(parts.user))
        owner.gid = found.line->gid;
    return owner;
}

}  // namespace crank::oci
