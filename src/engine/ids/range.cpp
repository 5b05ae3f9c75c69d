#include "engine/ids/range.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace crank::engine::ids {
namespace {

// Between what Active Directory and FreeIPA give out (sssd: up to 2000200000) and what systemd
// keeps for foreign images (from 2147352576), above its containers' (524288 to 1879048191) and
// useradd's subordinate ids (to 600100000). Above 2^31 some programs take an id for a negative
// number.
constexpr std::uint32_t kFirst = 0x78000000, kEnd = 0x7ffe0000;
constexpr std::uint32_t kLastId = 0xfffffffe;  // -1 is no id
// A pool that holds fewer than so many containers of the usual size is cut into smaller blocks.
constexpr std::uint32_t kFewContainers = 16, kSmallUnit = 1024;

struct Entry {
    std::uint32_t first = 0, count = 0;
};

std::optional<std::uint32_t> number(std::string_view text) {
    auto value = text.empty() ? std::nullopt : parse_int(text);
    if (!value || *value < 0 || *value > kLastId) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

// subuid(5): "name:first:count". Lines that are none of that are somebody else's business.
std::vector<std::pair<std::string, Entry>> entries_of(std::string_view text) {
    std::vector<std::pair<std::string, Entry>> entries;
    for (const std::string& line : split(text, '\n')) {
        std::vector<std::string> parts = split(trim(line), ':');
        if (parts.size() != 3) continue;
        auto first = number(parts[1]), count = number(parts[2]);
        if (!first || !count || *count == 0) continue;
        // What reaches beyond the last id is cut: podman's manual gives such an example.
        entries.push_back({parts[0], {*first, std::min(*count, kLastId - *first)}});
    }
    return entries;
}

// The user's largest.
std::optional<Entry> entry_of(std::string_view text, std::string_view user) {
    std::optional<Entry> found;
    for (const auto& [name, entry] : entries_of(text))
        if (name == user && (!found || entry.count > found->count)) found = entry;
    return found;
}

Pool make_pool(Entry uids, Entry gids, std::string source) {
    Pool pool{.uid = uids.first, .gid = gids.first, .source = std::move(source)};
    std::uint32_t count = std::min(uids.count, gids.count);
    pool.unit = count / kDefaultSize >= kFewContainers ? kDefaultSize : kSmallUnit;
    pool.blocks = count / pool.unit;
    return pool;
}

Result<Pool> pool_of_setting(std::string_view setting) {
    std::vector<std::string> parts = split(setting, ':');
    auto first = number(parts[0]), count = parts.size() == 2 ? number(parts[1]) : std::nullopt;
    if (!first || !count || *first == 0 || *count < kSmallUnit || *count > kLastId - *first)
        return fail(Error(Code::invalid_argument,
                          "userns.range: \"" + std::string(setting) + "\" is not START:COUNT")
                        .with_hint("like 2013265920:134086656; at least 1024 ids, 0 not among "
                                   "them"));
    return make_pool({*first, *count}, {*first, *count}, "userns.range");
}

Result<> refuse_taken(std::string_view text, const char* file) {
    for (const auto& [name, entry] : entries_of(text))
        if (entry.first < kEnd && entry.first + entry.count > kFirst)
            return fail(Error(Code::failed_precondition,
                              "no ids for --userns=auto: those that crank takes by itself, " +
                                  std::to_string(kFirst) + " to " + std::to_string(kEnd - 1) +
                                  ", are " + name + "'s in " + file)
                            .with_hint("name others: crank config set userns.range START:COUNT, "
                                       "or a line crank:START:COUNT in /etc/subuid and "
                                       "/etc/subgid"));
    return {};
}

}  // namespace

Result<Wanted> parse_userns(std::string_view text) {
    if (text.empty() || text == "host") return Wanted{};
    std::string shown = "--userns=\"" + std::string(text) + "\": ";
    Wanted wanted{Wanted::Mode::automatic};
    if (text == "auto") return wanted;
    if (text.starts_with("auto:")) {
        for (const std::string& option : split(text.substr(5), ',')) {
            if (option.starts_with("uidmapping=") || option.starts_with("gidmapping="))
                return fail(Code::unsupported,
                            shown + option.substr(0, 10) + " is not supported yet");
            if (!option.starts_with("size="))
                return fail(Error(Code::invalid_argument, shown + "unknown option " + option)
                                .with_hint("--userns=auto:size=65536"));
            auto size = number(std::string_view(option).substr(5));
            if (!size || *size == 0 || *size > kMaxSize)
                return fail(Code::invalid_argument,
                            shown + "a size is a number from 1 to " + std::to_string(kMaxSize));
            wanted.size = *size;
        }
        return wanted;
    }
    constexpr std::array<std::string_view, 5> kPodmans{"keep-id", "nomap", "private",
                                                       "container:", "ns:"};
    for (std::string_view mode : kPodmans)
        if (text.starts_with(mode))
            return fail(Error(Code::unsupported, shown + "not supported yet")
                            .with_hint("--userns=auto or host"));
    return fail(Error(Code::invalid_argument, shown + "no such mode")
                    .with_hint("--userns=host, auto or auto:size=N"));
}

namespace {

struct IdMap {
    std::uint32_t first = 0, size = 0;
};

Result<IdMap> parse_id_map(const char* flag, const std::vector<std::string>& maps) {
    std::string shown = std::string(flag) + " " + maps.front() + ": ";
    constexpr const char* kExample = "--uidmap 0:100000:65536";
    if (maps.size() > 1)
        return fail(
            Error(Code::unsupported, std::string(flag) + ": more than one map is not supported")
                .with_hint(kExample));
    std::vector<std::string> parts = split(maps.front(), ':');
    if (parts.size() == 2) parts.emplace_back("1");  // podman: one id where no size is said
    auto inside = parts.size() == 3 ? number(parts[0]) : std::nullopt;
    auto first = inside ? number(parts[1]) : std::nullopt;
    auto size = first ? number(parts[2]) : std::nullopt;
    if (!size || *size == 0 || *size > kMaxSize || *first > UINT32_MAX - *size)
        return fail(Error(Code::invalid_argument, shown + "wanted CONTAINER:HOST:SIZE")
                        .with_hint(kExample));
    if (*inside != 0)
        return fail(Error(Code::unsupported, shown + "a map begins with the container's 0")
                        .with_hint(kExample));
    return IdMap{*first, *size};
}

}  // namespace

Result<Wanted> parse_id_maps(const std::vector<std::string>& users,
                             const std::vector<std::string>& groups) {
    IdMap uid =
        TRY(users.empty() ? parse_id_map("--gidmap", groups) : parse_id_map("--uidmap", users));
    IdMap gid = groups.empty() ? uid : TRY(parse_id_map("--gidmap", groups));
    if (uid.size != gid.size)
        return fail(Code::unsupported,
                    "--uidmap and --gidmap of different sizes are not supported");
    return Wanted{Wanted::Mode::automatic, uid.size, Range{uid.first, gid.first, uid.size}};
}

bool Pool::meets(const Range& range) const {
    std::uint64_t count = std::uint64_t{unit} * blocks;
    auto overlap = [&](std::uint64_t ours, std::uint64_t theirs) {
        return theirs < ours + count && ours < theirs + range.size;
    };
    return overlap(uid, range.uid) || overlap(gid, range.gid);
}

Range Pool::range_at(std::uint32_t block, std::uint32_t size) const {
    std::uint32_t at = from_end ? (blocks - block - blocks_for(size)) * unit : block * unit;
    return {uid + at, gid + at, size};
}

std::string Pool::text() const {
    return std::to_string(uid) + " " + std::to_string(gid) + " " + std::to_string(unit) + " " +
           std::to_string(blocks) + (from_end ? " from the end\n" : "\n");
}

Result<Pool> choose_pool(std::string_view setting, std::string_view subuid,
                         std::string_view subgid) {
    if (!setting.empty()) return pool_of_setting(setting);
    for (const char* user : {"crank", "containers"}) {
        auto uids = entry_of(subuid, user), gids = entry_of(subgid, user);
        if (!uids || !gids) continue;
        Pool pool =
            make_pool(*uids, *gids, "/etc/subuid and /etc/subgid (" + std::string(user) + ")");
        pool.from_end = std::string_view(user) == "containers";
        return pool;
    }
    TRY(refuse_taken(subuid, "/etc/subuid"));
    TRY(refuse_taken(subgid, "/etc/subgid"));
    Entry own{kFirst, kEnd - kFirst};
    return make_pool(own, own, "crank's own range");
}

}  // namespace crank::engine::ids
