// What a user namespace changes: where each step is performed and with whose rights.
//
// The order, in the process between the shim and the child (shim/wire.h), which has the host's
// rights until it enters the namespace:
//   1. the groups are joined, whose files are the host's;
//   2. what takes the host's CAP_SYS_RESOURCE and CAP_SYS_NICE: oom_score_adj, limits, priorities;
//   3. namespaces that others made are joined: they may belong to another user namespace;
//   4. the user namespace is entered, and the clocks of a new time namespace are set.
// Every namespace of the child is made after that and so belongs to it. The child then takes the
// namespace's own ids before it makes anything, or its files would be the host's root's.
#include <algorithm>
#include <limits>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

constexpr std::size_t kMostRanges = 340;  // user_namespaces(7), since Linux 4.15
constexpr std::uint64_t kNewUser = 0x10000000;

const oci::Namespace* find_namespace(const oci::RuntimeSpec& spec, std::string_view type) {
    for (const auto& ns : spec.linux.namespaces)
        if (ns.type == type) return &ns;
    return nullptr;
}

bool is_new(const oci::RuntimeSpec& spec, std::string_view type) {
    const oci::Namespace* ns = find_namespace(spec, type);
    return ns != nullptr && ns->path.empty();
}

Result<> check_overlap(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges,
                       const std::string& field, const char* side) {
    std::ranges::sort(ranges);
    for (std::size_t i = 1; i < ranges.size(); ++i)
        if (ranges[i - 1].first + ranges[i - 1].second > ranges[i].first)
            return fail(
                Code::invalid_argument,
                field + ": " + side + " " + std::to_string(ranges[i].first) + " is mapped twice");
    return {};
}

}  // namespace

Result<> check_mapped(const oci::User& user, const IdMappings& maps) {
    auto refuse = [](const char* field, std::uint32_t id, const char* map) {
        return fail(Code::invalid_argument, std::string(field) + ": " + std::to_string(id) +
                                                " does not exist in the user namespace: " + map +
                                                " does not map it");
    };
    if (!host_id(maps.uids, user.uid))
        return refuse("process.user.uid", user.uid, "linux.uidMappings");
    if (!host_id(maps.gids, user.gid))
        return refuse("process.user.gid", user.gid, "linux.gidMappings");
    for (std::uint32_t gid : user.additional_gids)
        if (!host_id(maps.gids, gid))
            return refuse("process.user.additionalGids", gid, "linux.gidMappings");
    return {};
}

namespace {

// A file system of a namespace that stays the host's cannot be mounted with the rights of another
// user namespace: the host's own mount of it is shown.
void show_hosts(oci::Mount& mount) {
    mount.source = mount.type == "proc" ? "/proc" : mount.type == "sysfs" ? "/sys" : "/dev/mqueue";
    mount.type = "bind";
    std::erase_if(mount.options, [](const std::string& o) { return o.contains('='); });
    mount.options.emplace_back("rbind");
}

// A group that the namespace does not have cannot own terminals.
void drop_unmapped_group(oci::Mount& mount, const IdMappings& maps, const HostFacts& facts) {
    std::erase_if(mount.options, [&](const std::string& option) {
        if (!option.starts_with("gid=")) return false;
        auto gid = parse_int(std::string_view(option).substr(4));
        if (!gid || *gid < 0) return false;
        auto outside = maps.gids.empty() ? static_cast<std::uint32_t>(*gid)
                                         : host_id(maps.gids, static_cast<std::uint32_t>(*gid));
        return !outside || *outside > facts.largest_gid;
    });
}

// Without a cgroup namespace the hierarchies' roots would be the host's: the container's own groups
// are shown, by bind mounts.
void show_groups(std::vector<oci::Mount>& out, const oci::Mount& mount, oci::RuntimeSpec& spec,
                 const HostFacts& facts) {
    const std::string& path = spec.linux.cgroups_path;
    auto bind = [&](const std::string& destination, const std::string& source) {
        oci::Mount shown{destination, "bind", source, mount.options};
        shown.options.emplace_back("bind");
        out.push_back(std::move(shown));
    };
    if (facts.cgroup_mode == CgroupMode::v2)
        return bind(mount.destination, v2_cgroup_dir(facts, path));
    out.push_back({mount.destination, "tmpfs", "tmpfs", {"mode=755", "size=64k"}});
    for (const auto& dir : v1_cgroup_dirs(facts, path)) {
        std::string root = dir.substr(0, dir.size() - path.size());
        bind(mount.destination + root.substr(root.rfind('/')), dir);
    }
    // Once they are there.
    if (std::ranges::find(mount.options, "ro") != mount.options.end())
        spec.linux.readonly_paths.insert(spec.linux.readonly_paths.begin(), mount.destination);
}

bool shows_hosts_groups(const oci::RuntimeSpec& spec, const oci::Mount& mount) {
    return mount.type == "cgroup" && !spec.linux.cgroups_path.empty() &&
           find_namespace(spec, "cgroup") == nullptr;
}

}  // namespace

std::optional<std::uint32_t> host_id(const std::vector<oci::IdMapping>& maps, std::uint32_t id) {
    for (const auto& map : maps)
        if (id >= map.container_id && id - map.container_id < map.size)
            return map.host_id + (id - map.container_id);
    return std::nullopt;
}

std::uint32_t root_id(const std::vector<oci::IdMapping>& maps) {
    if (maps.empty() || host_id(maps, 0)) return 0;
    return maps.front().container_id;
}

Result<> check_mappings(const std::vector<oci::IdMapping>& maps, const std::string& field) {
    constexpr std::uint64_t kIds = std::numeric_limits<std::uint32_t>::max();  // -1 is no id
    std::vector<std::pair<std::uint64_t, std::uint64_t>> inside, outside;
    for (const auto& map : maps) {
        if (map.size == 0) return fail(Code::invalid_argument, field + ": a size is 0");
        if (std::uint64_t{std::max(map.container_id, map.host_id)} + map.size > kIds)
            return fail(Code::invalid_argument, field + ": the ids from " +
                                                    std::to_string(map.container_id) +
                                                    " on reach beyond the last one, 4294967294");
        inside.emplace_back(map.container_id, map.size);
        outside.emplace_back(map.host_id, map.size);
    }
    if (maps.size() > kMostRanges)
        return fail(Code::invalid_argument, field + ": more than 340 ranges");
    TRY(check_overlap(std::move(inside), field, "the container's id"));
    return check_overlap(std::move(outside), field, "the host's id");
}

Result<> check_user_namespace(const oci::RuntimeSpec& spec, const Given& given) {
    const oci::Linux& part = spec.linux;
    const oci::Namespace* user = find_namespace(spec, "user");
    if (user == nullptr) {
        if (!part.uid_mappings.empty() || !part.gid_mappings.empty())
            return fail(Error(Code::invalid_argument,
                              "linux.uidMappings and gidMappings: there is no user namespace that "
                              "they could be for")
                            .with_hint("add {\"type\": \"user\"} to linux.namespaces"));
        return {};
    }
    if (!given.hand_over)
        return fail(Code::unsupported, "linux.namespaces: a user namespace is not supported here");
    if (!is_new(spec, "mount"))
        return fail(Code::invalid_argument,
                    "linux.namespaces: a user namespace needs a new mount namespace with it");
    // Of one that is joined the parent has found them out (hand_over.cpp).
    if (part.uid_mappings.empty() || part.gid_mappings.empty())
        return fail(Code::invalid_argument,
                    "linux.namespaces: a new user namespace needs linux.uidMappings and "
                    "linux.gidMappings");
    TRY(check_mappings(part.uid_mappings, "linux.uidMappings"));
    TRY(check_mappings(part.gid_mappings, "linux.gidMappings"));
    return check_mapped(spec.process.user, {part.uid_mappings, part.gid_mappings});
}

bool has_user_namespace(const oci::RuntimeSpec& spec) {
    return find_namespace(spec, "user") != nullptr;
}

bool needs_other_mounts(const oci::RuntimeSpec& spec, const HostFacts& facts) {
    return has_user_namespace(spec) || facts.user_namespace ||
           (facts.cgroup_mode != CgroupMode::none &&
            std::ranges::any_of(spec.mounts, [&](const oci::Mount& mount) {
                return shows_hosts_groups(spec, mount);
            }));
}

oci::RuntimeSpec with_other_mounts(oci::RuntimeSpec spec, const HostFacts& facts) {
    std::vector<oci::Mount> mounts;
    IdMappings maps{spec.linux.uid_mappings, spec.linux.gid_mappings};
    bool mapped = has_user_namespace(spec) || facts.user_namespace;
    for (auto& mount : spec.mounts) {
        bool hosts = (mount.type == "proc" && find_namespace(spec, "pid") == nullptr) ||
                     (mount.type == "sysfs" && find_namespace(spec, "network") == nullptr) ||
                     (mount.type == "mqueue" && find_namespace(spec, "ipc") == nullptr);
        if (hosts && mapped) show_hosts(mount);
        if (mount.type == "devpts" && mapped) drop_unmapped_group(mount, maps, facts);
        if (facts.cgroup_mode != CgroupMode::none && shows_hosts_groups(spec, mount))
            show_groups(mounts, mount, spec, facts);
        else
            mounts.push_back(std::move(mount));
    }
    spec.mounts = std::move(mounts);
    return spec;
}

bool shows_hosts_proc(const oci::RuntimeSpec& spec, const HostFacts& facts,
                      const oci::Mount& mount) {
    return (has_user_namespace(spec) || facts.user_namespace) &&
           find_namespace(spec, "pid") == nullptr && mount.type == "bind" &&
           mount.source == "/proc";
}

Result<> plan_between(Builder& builder, const oci::RuntimeSpec& spec, const HostFacts& facts) {
    Plan& plan = builder.plan();
    TRY(plan_cgroups(builder, spec, facts));
    TRY(plan_hosts_rights(builder, spec.process));
    std::size_t user = 0;
    for (std::size_t i = 0; i < plan.joined.size(); ++i)
        if (plan.joined[i].flag == kNewUser)
            user = i;
        else
            enter_joined(builder, i);
    shim::Op& enter = builder.add(OpKind::set_namespace,
                                  plan.joined[user].path.empty()
                                      ? std::string("enter the new user namespace")
                                      : "join the user namespace " + plan.joined[user].path);
    enter.fd = plan.joined_slot(user);
    enter.a = kNewUser;
    if (is_new(spec, "time")) make_time_namespace(builder, spec);
    plan.between = plan.child.size() - plan.before_clone;
    take_mapped_ids(builder, {spec.linux.uid_mappings, spec.linux.gid_mappings});
    return {};
}

void take_mapped_ids(Builder& builder, const IdMappings& maps) {
    std::uint32_t uid = root_id(maps.uids), gid = root_id(maps.gids);
    shim::Op& op = builder.add(OpKind::mapped_root,
                               "become user " + std::to_string(uid) + " of the user namespace");
    op.a = uid;
    op.b = gid;
}

}  // namespace crank::runtime
