#include "oci/users.h"

#include <algorithm>
#include <array>
#include <span>

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

// Parts of the files' text: an image's /etc/passwd is read without a copy of it.
struct PasswdLine {
    std::string_view name;
    std::uint32_t uid = 0, gid = 0;
    std::string_view home;
};

// Up to the separator, which goes too; without one, all of it.
std::string_view cut(std::string_view& rest, char separator) {
    std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return part;
}

// The first fields of a line, and how many there are of them. None of a line with a NUL: what it
// holds ends there for the C library, and must not become a variable of a process.
std::size_t fields_of(std::string_view line, std::span<std::string_view> fields) {
    if (line.find('\0') != std::string_view::npos) return 0;
    for (std::size_t count = 0; count < fields.size();) {
        const std::size_t colon = line.find(':');
        fields[count++] = line.substr(0, colon);
        if (colon == std::string_view::npos) return count;
        line.remove_prefix(colon + 1);
    }
    return fields.size();
}

// Calls `visit` for each well-formed line until it returns true.
template <class Visit>
void each_user(std::string_view passwd, Visit visit) {
    std::array<std::string_view, 6> fields;
    while (!passwd.empty()) {
        if (fields_of(cut(passwd, '\n'), fields) < 6 || fields[0].empty()) continue;
        auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
        if (!uid || !gid) continue;
        if (visit(PasswdLine{fields[0], *uid, *gid, fields[5]})) return;
    }
}

template <class Visit>
void each_group(std::string_view group, Visit visit) {
    std::array<std::string_view, 4> fields;
    while (!group.empty()) {
        const std::size_t count = fields_of(cut(group, '\n'), fields);
        if (count < 3 || fields[0].empty()) continue;
        auto gid = parse_id(fields[2]);
        if (!gid) continue;
        if (visit(fields[0], *gid, count > 3 ? fields[3] : std::string_view())) return;
    }
}

bool is_member(std::string_view name, std::string_view members) {
    while (!members.empty())
        if (cut(members, ',') == name) return true;
    return false;
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
    each_group(files.group, [&](std::string_view name, std::uint32_t gid, std::string_view) {
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

std::vector<std::uint32_t> groups_of(std::string_view name, std::uint32_t gid,
                                     const UserFiles& files) {
    std::vector<std::uint32_t> groups;
    each_group(files.group, [&](std::string_view, std::uint32_t id, std::string_view members) {
        if (id != gid && is_member(name, members)) groups.push_back(id);
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
