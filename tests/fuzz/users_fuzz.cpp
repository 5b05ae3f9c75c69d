// The passwd and group files of an image, and who USER, --user and --chown then mean. The input is
// the user in its first line, then passwd and group, separated by a form feed.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "oci/users.h"

using namespace crank;
using namespace crank::oci;
using crank::fuzz::require;

namespace {

constexpr std::uint32_t kMaxId = 0x7fffffff;

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Whether a line of the file begins with the name.
bool names(const std::string& file, std::string_view name) {
    return ("\n" + file).find("\n" + std::string(name) + ":") != std::string::npos;
}

void check_entry(const UserEntry& entry) {
    require(entry.uid <= kMaxId && entry.gid <= kMaxId);
    // It becomes HOME, and a C string.
    require(entry.home.starts_with('/') && entry.home.find('\0') == std::string::npos);
    require(entry.home.find_first_of(":\n") == std::string::npos);
    require(std::ranges::is_sorted(entry.groups));
    require(std::ranges::adjacent_find(entry.groups) == entry.groups.end());
    for (std::uint32_t group : entry.groups) require(group <= kMaxId && group != entry.gid);
}

// Whoever is named by digits has that id, whatever the files say (CVE-2016-3697); a name is in the
// files.
void check_meaning(std::string_view text, const UserEntry& entry, const UserFiles& files) {
    std::string_view user = text.substr(0, text.find(':'));
    bool has_group = text.find(':') != std::string_view::npos;
    std::string_view group = has_group ? text.substr(user.size() + 1) : std::string_view();
    if (is_number(user)) require(entry.uid == std::stoul(std::string(user)));
    if (user.empty()) require(entry.uid == 0);
    if (!user.empty() && !is_number(user)) require(names(files.passwd, user));
    if (is_number(group)) require(entry.gid == std::stoul(std::string(group)));
    if (has_group && !is_number(group)) require(names(files.group, group));
    if (has_group) require(entry.groups.empty());
    if (files.passwd.empty() && !has_group) require(entry.gid == 0 && entry.home == "/");
}

// The first line counts, and one that is none does not: neither changes what was found.
void check_lines(std::string_view user, const UserEntry& entry, const UserFiles& files) {
    UserFiles more{"\n::\nnone\n#x:x:1\n" + files.passwd, "\n:\nx:x\n" + files.group};
    auto second = resolve_user(user, more);
    require(second.has_value() && *second == entry);
    std::string_view name = user.substr(0, user.find(':'));
    if (name.empty() || is_number(name)) return;
    more = files;
    more.passwd += "\n" + std::string(name) + ":x:77:77:other:/other:/bin/sh\n";
    auto third = resolve_user(user, more);
    require(third.has_value() && *third == entry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    std::string_view user = input.until('\n');
    UserFiles files{std::string(input.until('\f')), std::string(input.rest())};
    auto entry = resolve_user(user, files);
    auto owner = resolve_owner(user, files);
    if (entry) {
        check_entry(*entry);
        check_meaning(user, *entry, files);
        check_lines(user, *entry, files);
    }
    if (owner) require(owner->uid <= kMaxId && owner->gid <= kMaxId);
    if (entry && owner) require(entry->uid == owner->uid);
    return 0;
}
