// Containers without a mount namespace of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/plan.h"

namespace crank::runtime {
namespace {

using shim::OpKind;
using ::testing::HasSubstr;

oci::RuntimeSpec shared_spec() {
    oci::RuntimeSpec spec;
    spec.root_path = "/b/rootfs";
    spec.process.args = {"/bin/true"};
    spec.process.capabilities.bounding = {"CAP_KILL", "CAP_SYS_CHROOT"};
    spec.mounts.push_back({"/proc", "proc", "proc", {}});
    spec.mounts.push_back({"/data", "bind", "/srv/data", {"rbind", "rprivate"}});
    spec.linux.masked_paths = {"/proc/kcore"};
    spec.root_readonly = true;
    return spec;
}

Result<Plan> made_of(const oci::RuntimeSpec& spec, bool hand_over = true) {
    Options options;
    options.init = false;
    options.default_seccomp = false;
    Given given;
    given.hand_over = hand_over;
    given.start_socket = hand_over;
    return plan(spec, Rootfs{}, options, HostFacts{}, given);
}

std::vector<OpKind> kinds_of(const Plan& plan) {
    std::vector<OpKind> kinds;
    for (const auto& step : plan.child) kinds.push_back(step.op.kind);
    return kinds;
}

bool has(const Plan& plan, OpKind kind) {
    return std::ranges::any_of(plan.child, [&](const Step& step) { return step.op.kind == kind; });
}

TEST(SharedMounts, the_root_is_a_copy_and_nothing_is_mounted_before_it) {
    Plan made = made_of(shared_spec()).value();
    auto kinds = kinds_of(made);
    auto at = [&](OpKind kind) { return std::ranges::find(kinds, kind) - kinds.begin(); };
    EXPECT_LT(at(OpKind::copy_root), at(OpKind::mount_fs));
    EXPECT_LT(at(OpKind::mask_path), at(OpKind::enter_copy));
    EXPECT_LT(at(OpKind::enter_copy), at(OpKind::root_readonly));
    for (OpKind hosts : {OpKind::isolate_mounts, OpKind::bind_root, OpKind::open_root,
                         OpKind::pivot_root, OpKind::propagation})
        EXPECT_FALSE(has(made, hosts));
    EXPECT_EQ(made.clone_flags & 0x00020000, 0U);  // CLONE_NEWNS
}

// Once the limits were passed over in silence.
TEST(HostWithoutGroups, refuses_a_bundle_with_limits) {
    oci::RuntimeSpec spec = shared_spec();
    spec.linux.resources.pids_limit = 5;
    EXPECT_THAT(made_of(spec).error().text(),
                HasSubstr("linux.resources has limits and this host has no writable cgroups"));
}

// Once its root was the host's: the path of the root was not read at all.
TEST(SharedMounts, a_container_without_mounts_has_its_root_too) {
    oci::RuntimeSpec spec = shared_spec();
    spec.mounts.clear();
    EXPECT_TRUE(has(made_of(spec).value(), OpKind::copy_root));
}

TEST(SharedMounts, what_would_lead_out_or_be_the_hosts_is_refused) {
    auto error_of = [](auto change) {
        oci::RuntimeSpec spec = shared_spec();
        change(spec);
        auto made = made_of(spec);
        return made ? std::string("made") : made.error().text();
    };
    for (auto set : {&oci::CapabilitySets::bounding, &oci::CapabilitySets::effective,
                     &oci::CapabilitySets::permitted, &oci::CapabilitySets::inheritable,
                     &oci::CapabilitySets::ambient})
        EXPECT_THAT(
            error_of([&](auto& s) { (s.process.capabilities.*set).push_back("CAP_SYS_ADMIN"); }),
            HasSubstr("CAP_SYS_ADMIN needs a mount namespace"));
    EXPECT_THAT(error_of([](auto& s) { s.linux.rootfs_propagation = "shared"; }),
                HasSubstr("linux.rootfsPropagation: 'shared' needs a mount namespace"));
    EXPECT_THAT(error_of([](auto& s) { s.mounts[1].options = {"rbind", "rslave"}; }),
                HasSubstr("the propagation of /data needs a mount namespace"));
    EXPECT_THAT(error_of([](auto& s) { s.hostname = "x"; }),
                HasSubstr("hostname: 'x' would be the host's"));
    EXPECT_EQ(error_of([](auto& s) { s.linux.rootfs_propagation = "rprivate"; }), "made");
}

TEST(SharedMounts, a_joiner_takes_the_containers_root_before_anything_else_of_its_own) {
    oci::Process process;
    process.args = {"/bin/true"};
    JoinFacts join;
    join.hand_over = true;
    join.shares_mounts = true;
    Plan made = plan_join(process, std::nullopt, join, HostFacts{}).value();
    auto kinds = kinds_of(made);
    auto root = std::ranges::find(kinds, OpKind::change_root);
    ASSERT_NE(root, kinds.end());
    EXPECT_LT(root, std::ranges::find(kinds, OpKind::change_dir));
    EXPECT_EQ(made.child[static_cast<std::size_t>(root - kinds.begin())].op.fd,
              made.joined_slot(0));
    EXPECT_EQ(made.first_preserved_slot(), made.joined_slot(1));
    process.capabilities.effective = {"CAP_SYS_ADMIN"};
    EXPECT_THAT(plan_join(process, std::nullopt, join, HostFacts{}).error().text(),
                HasSubstr("CAP_SYS_ADMIN needs a mount namespace"));
}

}  // namespace
}  // namespace crank::runtime
