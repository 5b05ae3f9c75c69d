#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "policy/policy.h"
#include "runtime/encode.h"
#include "runtime/other_runtime.h"
#include "runtime/plan.h"
#include "runtime/seccomp_spec.h"

namespace crank::runtime {
namespace {

using shim::OpKind;

HostFacts host() {
    HostFacts facts;
    facts.cgroup_mode = CgroupMode::v1;
    facts.cgroup_mounts = {{"memory", "/sys/fs/cgroup/memory"}, {"pids", "/sys/fs/cgroup/pids"}};
    facts.architecture = "amd64";
    return facts;
}

oci::RuntimeSpec spec() {
    oci::RuntimeSpec made;
    made.process.args = {"/bin/worker"};
    made.linux.namespaces = {{"mount", ""}, {"pid", ""}, {"network", "/bundle/ns-network"}};
    made.linux.cgroups_path = "/crank/x";
    made.linux.resources.memory_limit = 1 << 30;
    return made;
}

OtherRuntime runc() {
    return {{"/usr/bin/runc", "create", "x"},
            {"/usr/bin/runc", "start", "x"},
            {"/usr/bin/runc", "kill", "x"},
            {"/usr/bin/runc", "delete", "--force", "x"},
            "/bundle",
            "/bundle/pid"};
}

const Rootfs kRootfs{.base = "/store", .lower = {"a", "b"}, .upper = "u", .work = "w"};

Plan planned(const oci::RuntimeSpec& of, const Given& given = {.network_namespace = true}) {
    Options options;
    options.gate = true;
    options.mount_point = "/run/crank/rootfs";
    auto plan = plan_other(of, kRootfs, options, host(), given, runc());
    EXPECT_TRUE(plan) << plan.error().text();
    return plan ? std::move(*plan) : Plan{};
}

std::vector<OpKind> kinds_of(const Plan& plan) {
    std::vector<OpKind> kinds;
    for (const auto& step : plan.child) kinds.push_back(step.op.kind);
    return kinds;
}

TEST(PlanOther, MountsTheRootShowsTheNamespacesAndWaitsForTheNetworkBeforeItCalls) {
    Plan plan = planned(spec());
    EXPECT_EQ(plan.clone_flags, 0x00020000U);  // a mount namespace alone
    EXPECT_EQ(kinds_of(plan),
              (std::vector<OpKind>{OpKind::isolate_mounts, OpKind::mount_overlay, OpKind::open_root,
                                   OpKind::bind_descriptor, OpKind::gate, OpKind::stdio,
                                   OpKind::umask, OpKind::change_dir, OpKind::exec}));
    ASSERT_EQ(plan.joined.size(), 1U);
    EXPECT_EQ(plan.joined[0].path, "/bundle/ns-network");
}

TEST(PlanOther, MadeMountsAreShownWhereTheConfigurationHasThem) {
    Plan plan = planned(spec(), {.network_namespace = true, .made_mounts = {"/b/one", "/b/two"}});
    std::vector<const Step*> shown;
    for (const Step& step : plan.child)
        if (step.op.kind == OpKind::bind_descriptor) shown.push_back(&step);
    ASSERT_EQ(shown.size(), 3U);
    EXPECT_EQ(shown[0]->op.fd, plan.joined_slot(0));
    EXPECT_EQ(shown[0]->op.a, 0U);
    EXPECT_EQ(shown[1]->op.fd, 0);
    EXPECT_EQ(shown[1]->op.a, 1U);
    EXPECT_STREQ(plan.text.data() + shown[2]->op.s1, "/b/two");
    // The other slots come behind theirs.
    EXPECT_EQ(plan.network_slot(), 2);
}

TEST(PlanOther, LimitsAreCranksAndItsCallerIsInNoGroup) {
    Plan plan = planned(spec());
    EXPECT_FALSE(plan.cgroup_dirs.empty());
    EXPECT_TRUE(std::ranges::any_of(plan.cgroup_writes, [](const CgroupWrite& write) {
        return write.file == "memory.limit_in_bytes";
    }));
    auto kinds = kinds_of(plan);
    EXPECT_EQ(std::ranges::count(kinds, OpKind::join_cgroup), 0);
}

TEST(PlanOther, AUserNamespaceIsRefused) {
    oci::RuntimeSpec mapped = spec();
    mapped.linux.namespaces.push_back({"user", ""});
    auto plan = plan_other(mapped, kRootfs, {}, host(), {}, runc());
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code(), Code::unsupported);
}

TEST(PlanOther, ItsCommandsAreInTheBytesForTheShim) {
    Plan plan = planned(spec());
    Options options;
    OtherRuntime other = runc();
    Encoding encoding;
    encoding.options = &options;
    encoding.other = &other;
    auto bytes = encode(plan, encoding);
    ASSERT_TRUE(bytes);
    shim::Header header;
    std::memcpy(&header, bytes->data(), sizeof header);
    EXPECT_STREQ(bytes->data() + header.other.pid_file, "/bundle/pid");
    EXPECT_EQ(header.other.start_words, 3U);
    EXPECT_STREQ(bytes->data() + header.other.start, "/usr/bin/runc");
    EXPECT_EQ(header.other.remove_words, 4U);
    EXPECT_EQ(header.other.console_slot, shim::kNoSlot);
    other.start.resize(shim::kMaxOtherWords + 1);
    EXPECT_FALSE(encode(plan, encoding));
}

// What the kernel does with a call whose first argument is one of these.
TEST(SeccompWords, SayTheSameAsTheBuiltInFilter) {
    policy::SeccompFilter filter = policy::default_seccomp_filter(policy::default_capabilities(),
                                                                  policy::native_architecture());
    oci::Seccomp words = seccomp_words(filter);
    EXPECT_EQ(words.default_action, "SCMP_ACT_ERRNO");
    auto compiled = compile_spec(words);
    ASSERT_TRUE(compiled) << compiled.error().text();
    auto built_in = policy::default_seccomp_program(policy::default_capabilities());
    ASSERT_TRUE(built_in);
    for (const char* call : {"read", "clone3", "mount", "bpf", "keyctl", "socket", "personality",
                             "unshare", "setns", "openat2", "kexec_load"})
        EXPECT_EQ(policy::action_on(compiled->program.instructions(), call).value(),
                  policy::action_on(built_in->instructions(), call).value())
            << call;
}

TEST(SeccompWords, ARangeIsARuleForEachValue) {
    policy::SeccompFilter filter;
    filter.rules.push_back(
        {{"socket"},
         policy::Action::allow,
         {},
         {{0, policy::Compare::in_range, 3, 5}, {1, policy::Compare::masked_equal, 0xf, 1}}});
    oci::Seccomp words = seccomp_words(filter);
    ASSERT_EQ(words.syscalls.size(), 3U);
    EXPECT_EQ(words.syscalls[1].args[0].value, 4U);
    EXPECT_EQ(words.syscalls[1].args[0].op, "SCMP_CMP_EQ");
    EXPECT_EQ(words.syscalls[1].args[1].op, "SCMP_CMP_MASKED_EQ");
}

}  // namespace
}  // namespace crank::runtime
