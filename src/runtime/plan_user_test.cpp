// What a user namespace and id maps do to a plan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "runtime/builder.h"
#include "runtime/plan.h"

namespace crank::runtime {
namespace {

using shim::OpKind;
using ::testing::HasSubstr;

constexpr std::uint64_t kNewUser = 0x10000000, kNewNet = 0x40000000;

HostFacts host() {
    HostFacts facts;
    facts.cgroup_mode = CgroupMode::v1;
    facts.cgroup_mounts = {{"memory", "/cg/memory"}, {"devices", "/cg/devices"}};
    return facts;
}

Given handed() {
    Given given;
    given.hand_over = true;
    given.start_socket = true;
    given.stdin_read = true;
    return given;
}

oci::RuntimeSpec mapped_spec() {
    oci::RuntimeSpec spec;
    spec.root_path = "/b/rootfs";
    spec.process.args = {"/bin/true"};
    spec.process.oom_score_adj = 5;
    spec.process.rlimits = {{"RLIMIT_NOFILE", 10, 20}};
    spec.linux.namespaces = {{"mount", ""}, {"user", ""}, {"network", "/netns"}, {"cgroup", ""}};
    spec.linux.uid_mappings = {{0, 100000, 1000}, {5000, 300000, 2}};
    spec.linux.gid_mappings = {{0, 100000, 1000}};
    spec.linux.cgroups_path = "/crank/abc";
    spec.mounts.push_back({"/dev", "tmpfs", "tmpfs", {}});
    spec.mounts.push_back({"/dev/pts", "devpts", "devpts", {"gid=5", "mode=620"}});
    spec.mounts.push_back({"/data", "bind", "/srv/data", {"rbind", "idmap"}});
    return spec;
}

Result<Plan> made_of(const oci::RuntimeSpec& spec) {
    Options options;
    options.init = false;
    options.default_seccomp = false;
    return plan(spec, Rootfs{}, options, host(), handed());
}

std::size_t index_of(const Plan& plan, const std::function<bool(const shim::Op&)>& wanted) {
    for (std::size_t i = 0; i < plan.child.size(); ++i)
        if (wanted(plan.child[i].op)) return i;
    ADD_FAILURE() << "no such step:\n" << plan.describe();
    return 0;
}

std::size_t index_of(const Plan& plan, OpKind kind) {
    return index_of(plan, [kind](const shim::Op& op) { return op.kind == kind; });
}

TEST(PlanUser, TheHostsRightsAreUsedBeforeTheyAreGivenUp) {
    auto made = made_of(mapped_spec());
    ASSERT_TRUE(made) << made.error().text();
    std::size_t enter = index_of(*made, [](const shim::Op& op) {
        return op.kind == OpKind::set_namespace && op.a == kNewUser;
    });
    std::size_t network = index_of(*made, [](const shim::Op& op) {
        return op.kind == OpKind::set_namespace && op.a == kNewNet;
    });
    for (OpKind kind : {OpKind::join_cgroup, OpKind::oom_score, OpKind::raise_limit})
        EXPECT_LT(index_of(*made, kind), enter);
    EXPECT_LT(network, enter);
    // Nothing of this is the shim's own, and the child begins with the namespace's ids.
    EXPECT_EQ(made->before_clone, 0u);
    EXPECT_EQ(made->between, enter + 1);
    EXPECT_EQ(made->child[made->between].op.kind, OpKind::mapped_root);
    // No file is made and nothing is mounted before that.
    for (OpKind kind : {OpKind::attach_root, OpKind::mount_fs, OpKind::stdio})
        EXPECT_GT(index_of(*made, kind), made->between);
    // The user namespace comes by its descriptor: a clone with the flag would have no maps.
    EXPECT_EQ(made->clone_flags & kNewUser, 0u);
}

TEST(PlanUser, TheRootAndDevicesAreTheParentsToOpen) {
    auto spec = mapped_spec();
    spec.linux.devices = {{"/dev/fuse", "c", 10, 229, 0666, 0, 0}, {"/dev/pipe", "p"}};
    auto made = made_of(spec);
    ASSERT_TRUE(made) << made.error().text();
    std::vector<std::string> sources;
    for (const auto& bind : made->binds) sources.push_back(bind.source);
    EXPECT_THAT(sources, ::testing::ElementsAre("/b/rootfs", "/srv/data", "/dev/null", "/dev/zero",
                                                "/dev/full", "/dev/random", "/dev/urandom",
                                                "/dev/tty", "/dev/fuse"));
    EXPECT_TRUE(made->binds[0].is_root);
    EXPECT_EQ(made->binds[1].ids, Plan::Bind::Ids::mapped);
    EXPECT_EQ(made->binds[8].device, (10u << 8) | 229);
    // The pipe alone is made: that takes no right.
    EXPECT_EQ(made->child[index_of(*made, OpKind::make_node)].op.a & 0170000, 0010000u);
}

TEST(PlanUser, MountsAreLockedOnceNoneIsMadeStricterAnyMore) {
    oci::RuntimeSpec spec = mapped_spec();
    spec.mounts.push_back({"/peers", "bind", "/srv/peers", {"rbind", "rshared"}});
    spec.linux.masked_paths = {"/proc/kcore"};
    spec.root_readonly = true;
    spec.linux.rootfs_propagation = "shared";
    auto made = made_of(spec);
    ASSERT_TRUE(made) << made.error().text();
    auto of = [&](OpKind kind) {
        return index_of(*made, [kind](const shim::Op& op) { return op.kind == kind; });
    };
    std::size_t lock = of(OpKind::lock_mounts);
    EXPECT_LT(of(OpKind::mask_path), lock);
    EXPECT_LT(of(OpKind::root_readonly), lock);
    EXPECT_LT(lock, of(OpKind::stdio));
    EXPECT_EQ(made->child[lock].op.fd, made->joined_slot(0));
    // What the copy has made a slave is shared again, "/" last.
    EXPECT_THAT(made->child[lock + 1].description, HasSubstr("share /peers again"));
    EXPECT_EQ(made->child[lock + 2].op.kind, OpKind::propagation);

    spec.linux.namespaces = {{"mount", ""}};
    spec.linux.uid_mappings.clear();
    spec.linux.gid_mappings.clear();
    spec.mounts.clear();
    auto unmapped = made_of(spec);
    ASSERT_TRUE(unmapped) << unmapped.error().text();
    for (const auto& step : unmapped->child) EXPECT_NE(step.op.kind, OpKind::lock_mounts);
}

TEST(PlanUser, AGroupThatDoesNotExistOwnsNoTerminals) {
    auto spec = mapped_spec();
    auto has_group = [](const oci::RuntimeSpec& s) {
        auto made = made_of(s);
        if (!made) return false;
        std::size_t step = index_of(*made, [&](const shim::Op& op) {
            return op.kind == OpKind::mount_fs &&
                   std::string_view(made->text.c_str() + op.s1) == "devpts";
        });
        return std::string_view(made->text.c_str() + made->child[step].op.s3).contains("gid=5");
    };
    EXPECT_TRUE(has_group(spec));
    spec.linux.gid_mappings = {{0, 100000, 5}};
    EXPECT_FALSE(has_group(spec));
}

TEST(PlanUser, WhatMakesNoSenseIsNamed) {
    struct Case {
        const char* text;
        std::function<void(oci::RuntimeSpec&)> change;
    };
    const Case cases[] = {
        {"linux.uidMappings: a size is 0",
         [](oci::RuntimeSpec& s) { s.linux.uid_mappings[0].size = 0; }},
        {"linux.gidMappings: the ids from 0 on reach beyond the last one",
         [](oci::RuntimeSpec& s) { s.linux.gid_mappings[0].size = 0xffffffff; }},
        {"the host's id 100001 is mapped twice",
         [](oci::RuntimeSpec& s) { s.linux.uid_mappings[1].host_id = 100001; }},
        {"process.user.uid: 1000 does not exist in the user namespace",
         [](oci::RuntimeSpec& s) { s.process.user.uid = 1000; }},
        {"process.user.gid: 5000 does not exist in the user namespace",
         [](oci::RuntimeSpec& s) { s.process.user.gid = 5000; }},
        {"there is no user namespace that they could be for",
         [](oci::RuntimeSpec& s) { s.linux.namespaces.erase(s.linux.namespaces.begin() + 1); }},
        {"needs a new mount namespace with it",
         [](oci::RuntimeSpec& s) { s.linux.namespaces.erase(s.linux.namespaces.begin()); }},
        {"mounts: /data: uidMappings and gidMappings go together",
         [](oci::RuntimeSpec& s) { s.mounts[2].uid_mappings = {{0, 1, 1}}; }},
        {"the ids of bind mounts alone can be mapped",
         [](oci::RuntimeSpec& s) { s.mounts[0].options = {"idmap"}; }},
    };
    for (const Case& test : cases) {
        auto spec = mapped_spec();
        test.change(spec);
        auto made = made_of(spec);
        ASSERT_FALSE(made) << test.text;
        EXPECT_THAT(made.error().text(), HasSubstr(test.text));
    }
}

TEST(PlanUser, AJoinerEntersItWithTheOthersAndTakesItsIds) {
    JoinFacts join;
    join.cgroups_path = "/crank/abc";
    join.hand_over = true;
    join.user_namespace = true;
    join.uid_mappings = {{1000, 100000, 10}};
    join.gid_mappings = {{0, 100000, 10}};
    oci::Process process;
    process.args = {"true"};
    process.user.uid = 1003;
    auto made = plan_join(process, std::nullopt, join, host());
    ASSERT_TRUE(made) << made.error().text();
    const shim::Op& enter = made->child[made->before_clone - 1].op;
    EXPECT_EQ(enter.a & kNewUser, kNewUser);
    // 0 is not mapped: the first id that is stands for root.
    EXPECT_EQ(made->child[made->before_clone].op.kind, OpKind::mapped_root);
    EXPECT_EQ(made->child[made->before_clone].op.a, 1000u);
    process.user.uid = 0;
    EXPECT_FALSE(plan_join(process, std::nullopt, join, host()));
    // A hook too: its program may be the container's.
    auto hook = plan_hook({"/hook", {}, {}, {}}, {{}, "/", {}}, join);
    ASSERT_TRUE(hook);
    EXPECT_EQ(hook->child[0].op.a & kNewUser, kNewUser);
    EXPECT_LT(index_of(*hook, OpKind::change_root), index_of(*hook, OpKind::mapped_root));
}

TEST(PlanUser, ABindIsOpenedAtItsTurnWhereThatTakesNoRightsOfTheHosts) {
    oci::RuntimeSpec spec = mapped_spec();
    std::erase_if(spec.linux.namespaces, [](const auto& ns) { return ns.type == "user"; });
    spec.linux.uid_mappings.clear();
    spec.linux.gid_mappings.clear();
    spec.mounts[2] = {"/data", "bind", "/srv/data", {"rbind", "rrw", "ro", "rnosuid"}};
    auto late = made_of(spec);
    ASSERT_TRUE(late) << late.error().text();
    EXPECT_TRUE(late->binds.empty());
    const shim::Op& open = late->child[index_of(*late, OpKind::open_bind)].op;
    EXPECT_EQ(open.a, 0x1u);  // the mount itself is read-only; below, what was is no more
    EXPECT_EQ(open.b, 0x2u);
    EXPECT_EQ(open.c >> shim::kBindClearedShift, 0x1u);
    EXPECT_EQ(open.c & 3, shim::kBindRecursive);
    // ids of its own: the parent maps them
    spec.mounts[2].uid_mappings = spec.mounts[2].gid_mappings = {{0, 7, 1}};
    auto early = made_of(spec);
    ASSERT_TRUE(early) << early.error().text();
    ASSERT_EQ(early->binds.size(), 1u);
    EXPECT_EQ(early->binds[0].attr_top, 0x1u);  // as above
    EXPECT_EQ(early->binds[0].attr_set, 0x2u);
    EXPECT_EQ(early->binds[0].attr_clear, 0x1u);
    EXPECT_EQ(early->binds[0].ids, Plan::Bind::Ids::mapped);
    for (const auto& step : early->child) EXPECT_NE(step.op.kind, OpKind::open_bind);
}

TEST(PlanUser, IdsAreFoundInTheirRange) {
    std::vector<oci::IdMapping> maps{{0, 100, 10}, {20, 500, 5}};
    EXPECT_EQ(host_id(maps, 9), 109u);
    EXPECT_EQ(host_id(maps, 10), std::nullopt);
    EXPECT_EQ(host_id(maps, 24), 504u);
    EXPECT_EQ(host_id(maps, 25), std::nullopt);
    EXPECT_EQ(root_id(maps), 0u);
    EXPECT_EQ(root_id({{7, 1, 1}}), 7u);
}

TEST(UserNamespacePlan, OfTheEngineTheRootIsLaidOutByTheParent) {
    oci::RuntimeSpec spec = mapped_spec();
    spec.root_path.clear();
    spec.linux.namespaces = {{"mount", ""}, {"user", ""}, {"network", ""}, {"cgroup", ""}};
    spec.process.user = {.uid = 7, .gid = 8};
    Rootfs rootfs{.base = "/store", .lower = {"a", "b"}, .upper = "c/upper", .work = "c/work"};
    Options options;
    options.mount_point = "/run/crank/rootfs";
    options.ports = {{1, 80}, {2, 81}};
    Given given;
    EXPECT_FALSE(plan(spec, rootfs, options, host(), given));
    given.user_namespace = true;
    given.network_namespace = true;
    auto made = plan(spec, rootfs, options, host(), given);
    ASSERT_TRUE(made) << made.error().text();
    ASSERT_FALSE(made->binds.empty());
    const Plan::Bind& root = made->binds.front();
    ASSERT_TRUE(root.layers);
    EXPECT_EQ(root.source, "/store");
    EXPECT_THAT(root.layers->options, HasSubstr("lowerdir=a:b,upperdir=c/upper"));
    EXPECT_EQ(root.layers->flags & 4, 4u);  // MS_NODEV
    // The namespace does not lie where the listeners do.
    EXPECT_EQ(made->joined_slot(0), made->first_listener_slot() + 4);
    // With the host's rights: before the namespace is entered.
    std::size_t give =
        index_of(*made, [](const auto& op) { return op.kind == OpKind::give_output; });
    EXPECT_LT(give, made->before_clone + made->between);
    EXPECT_EQ(made->child[give].op.a, 100007u);
    EXPECT_EQ(made->child[give].op.b, 100008u);
    // The network belongs to it: entered by the child.
    std::size_t network = index_of(
        *made, [](const auto& op) { return op.kind == OpKind::set_namespace && op.a == kNewNet; });
    EXPECT_GT(network, made->before_clone + made->between - 1);
}

}  // namespace
}  // namespace crank::runtime
