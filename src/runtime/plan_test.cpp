#include "runtime/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "policy/policy.h"
#include "runtime/encode.h"
#include "runtime/runtime.h"

namespace crank::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HostFacts v1_host() {
    HostFacts facts;
    facts.cgroup_mode = CgroupMode::v1;
    facts.cgroup_mounts = {{"cpu", "/cg/cpu,cpuacct"},
                           {"cpuacct", "/cg/cpu,cpuacct"},
                           {"memory", "/cg/memory"},
                           {"pids", "/cg/pids"},
                           {"devices", "/cg/devices"}};
    return facts;
}

HostFacts v2_host() {
    HostFacts facts;
    facts.cgroup_mode = CgroupMode::v2;
    facts.cgroup_mounts = {{"", "/cg"}};
    facts.v2_controllers = {"cpu", "memory", "pids"};
    return facts;
}

oci::RuntimeSpec small_spec() {
    oci::RuntimeSpec spec;
    spec.process.args = {"/bin/true"};
    spec.process.env = {"A=1"};
    for (const char* type : {"mount", "pid", "ipc", "uts", "network", "cgroup"})
        spec.linux.namespaces.push_back({type, ""});
    spec.mounts.push_back({"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}});
    spec.mounts.push_back({"/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755"}});
    spec.mounts.push_back({"/data", "bind", "/srv/data", {"rbind", "ro"}});
    spec.linux.cgroups_path = "/crank/abc";
    spec.linux.masked_paths = {"/proc/kcore"};
    spec.linux.readonly_paths = {"/proc/sys"};
    return spec;
}

Rootfs small_root() { return {"/store", {"l/2", "l/1"}, "c/upper", "c/work", false}; }

Options small_options() {
    Options options;
    options.mount_point = "/run/crank/mnt";
    options.state_dir = "/run/crank/c/abc";
    return options;
}

std::size_t index_of(const Plan& plan, shim::OpKind kind) {
    for (std::size_t i = 0; i < plan.child.size(); ++i)
        if (plan.child[i].op.kind == kind) return i;
    ADD_FAILURE() << "no such step";
    return 0;
}

TEST(Plan, AJoinerEntersTheCgroupNamespaceAfterItsClone) {
    constexpr std::uint64_t kNewCgroup = 0x02000000;
    oci::Process process = small_spec().process;
    for (const HostFacts& facts : {v1_host(), v2_host()}) {
        auto made = plan_join(process, std::nullopt, {"/crank/abc", true, false}, facts);
        ASSERT_TRUE(made) << made.error().text();
        for (std::size_t i = 0; i < made->child.size(); ++i) {
            const shim::Op& op = made->child[i].op;
            if (op.kind != shim::OpKind::set_namespace) continue;
            EXPECT_EQ((op.a & kNewCgroup) != 0, i >= made->before_clone) << i;
        }
        EXPECT_EQ(made->child[made->before_clone].op.a, kNewCgroup);
    }
}

TEST(Plan, StepsComeInTheOrderThatMatters) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    using shim::OpKind;
    // Its own groups before the namespace whose root they become.
    EXPECT_LT(index_of(*made, OpKind::join_cgroup), index_of(*made, OpKind::unshare));
    // Nothing is mounted before the host is out of reach.
    EXPECT_LT(index_of(*made, OpKind::isolate_mounts), index_of(*made, OpKind::mount_overlay));
    // Masks cover what was mounted; the null device they use exists by then.
    EXPECT_LT(index_of(*made, OpKind::make_node), index_of(*made, OpKind::mask_path));
    EXPECT_LT(index_of(*made, OpKind::mask_path), index_of(*made, OpKind::pivot_root));
    EXPECT_LT(index_of(*made, OpKind::pivot_root), index_of(*made, OpKind::stdio));
    // Rights go before the filter comes, and both before the worker's own process.
    EXPECT_LT(index_of(*made, OpKind::bounding_set), index_of(*made, OpKind::user));
    EXPECT_LT(index_of(*made, OpKind::user), index_of(*made, OpKind::capabilities));
    EXPECT_LT(index_of(*made, OpKind::no_new_privileges), index_of(*made, OpKind::seccomp));
    EXPECT_LT(index_of(*made, OpKind::seccomp), index_of(*made, OpKind::init));
    EXPECT_EQ(index_of(*made, OpKind::exec) + 1, made->child.size());
}

TEST(Plan, SettingsOfTheHostAreRefused) {
    auto spec = small_spec();
    spec.linux.sysctl["net.core.somaxconn"] = "1024";
    EXPECT_TRUE(plan(spec, small_root(), small_options(), v1_host(), {}));
    for (const char* name : {"kernel.core_pattern", "net./../../etc/passwd"}) {
        spec.linux.sysctl = {{name, "x"}};
        auto made = plan(spec, small_root(), small_options(), v1_host(), {});
        ASSERT_FALSE(made) << name;
        EXPECT_THAT(made.error().text(), HasSubstr(std::string("linux.sysctl: sysctl \"") + name));
    }
    spec.linux.namespaces = {{"mount", ""}, {"pid", ""}};
    spec.linux.sysctl = {{"net.core.somaxconn", "1024"}};
    EXPECT_FALSE(plan(spec, small_root(), small_options(), v1_host(), {}));
}

TEST(Plan, WithoutDeviceControlNobodyMakesOrFindsDevices) {
    auto spec = small_spec();
    spec.process.capabilities.bounding = {"CAP_CHOWN", "CAP_MKNOD"};
    spec.process.capabilities.effective = spec.process.capabilities.bounding;
    auto bounding = [](const Plan& made) {
        return made.child[index_of(made, shim::OpKind::bounding_set)].op.a;
    };
    auto flags = [](const Plan& made) {
        return made.child[index_of(made, shim::OpKind::mount_overlay)].op.a;
    };
    auto with = plan(spec, small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(with);
    EXPECT_EQ(bounding(*with), policy::bit(0) | policy::bit(27));
    EXPECT_EQ(flags(*with), 0u);
    HostFacts none;
    HostFacts v1_without = v1_host();
    v1_without.cgroup_mounts.pop_back();
    for (const HostFacts& facts : {none, v1_without}) {
        auto without = plan(spec, small_root(), small_options(), facts, {});
        ASSERT_TRUE(without) << without.error().text();
        EXPECT_EQ(bounding(*without), policy::bit(0));
        EXPECT_EQ(flags(*without), 4u);  // MS_NODEV
    }
}

TEST(Plan, FiltersThatCannotBeAppliedStopTheStart) {
    auto error_of = [](const std::string& action) {
        auto spec = small_spec();
        spec.linux.seccomp = oci::Seccomp{};
        spec.linux.seccomp->default_action = "SCMP_ACT_ALLOW";
        spec.linux.seccomp->syscalls.push_back({{"mount"}, action, {}, {}});
        auto made = plan(spec, small_root(), small_options(), v1_host(), {});
        return made ? "planned" : made.error().text();
    };
    EXPECT_EQ(error_of("SCMP_ACT_ERRNO"), "planned");
    EXPECT_EQ(error_of("SCMP_ACT_NOTIFY"),
              "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath to ask");
    EXPECT_EQ(error_of("SCMP_ACT_ERNO"),
              "linux.seccomp.syscalls.action: unknown seccomp action \"SCMP_ACT_ERNO\"");
}

TEST(Plan, TheKernelsFileSystemsFollowNoLinks) {
    auto spec = small_spec();
    spec.mounts.push_back({"/dev/shm", "tmpfs", "shm", {}});
    spec.mounts.push_back({"/sys/fs/cgroup", "cgroup", "cgroup", {"ro"}});
    spec.mounts.push_back({"/devices", "tmpfs", "tmpfs", {}});
    spec.mounts.push_back({"/var/run", "tmpfs", "tmpfs", {}});
    auto made = plan(spec, small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    for (const Step& step : made->child) {
        if (step.op.kind != shim::OpKind::mount_fs) continue;
        bool data = step.description == "mount tmpfs on /devices" ||
                    step.description == "mount tmpfs on /var/run";
        EXPECT_EQ(step.op.b, data ? 0u : 1u) << step.description;
    }
}

TEST(Plan, ExplainsItself) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    std::string text = made->describe();
    EXPECT_THAT(text, HasSubstr("create cgroup /cg/memory/crank/abc\n"));
    EXPECT_THAT(text, HasSubstr("mount 2 layers as the root\n"));
    EXPECT_THAT(text, HasSubstr("mount /srv/data on /data\n"));
    EXPECT_THAT(text, HasSubstr("mask /proc/kcore\n"));
    EXPECT_THAT(text, HasSubstr("execute /bin/true\n"));
}

TEST(Plan, SharedV1HierarchiesAreJoinedOnce) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->cgroup_dirs.size(), 4u);
}

TEST(Plan, LimitsBecomeTheKnobsOfTheHierarchy) {
    auto spec = small_spec();
    spec.linux.resources.memory_limit = 64 << 20;
    spec.linux.resources.memory_swap = 128 << 20;
    spec.linux.resources.cpu_quota = 50000;
    spec.linux.resources.cpu_period = 100000;
    spec.linux.resources.pids_limit = 100;
    auto v1 = plan(spec, small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(v1);
    EXPECT_THAT(v1->describe(), HasSubstr("write '67108864' to memory.limit_in_bytes (memory)\n"));
    EXPECT_THAT(v1->describe(), HasSubstr("write '50000' to cpu.cfs_quota_us (cpu)\n"));
    auto v2 = plan(spec, small_root(), small_options(), v2_host(), {});
    ASSERT_TRUE(v2);
    EXPECT_THAT(v2->describe(), HasSubstr("write '67108864' to memory.max\n"));
    // v2 counts swap alone, the specification memory and swap.
    EXPECT_THAT(v2->describe(), HasSubstr("write '67108864' to memory.swap.max\n"));
    EXPECT_THAT(v2->describe(), HasSubstr("write '50000 100000' to cpu.max\n"));
    EXPECT_THAT(v2->describe(), HasSubstr("write '100' to pids.max\n"));
    EXPECT_FALSE(v2->device_rules.empty());
}

TEST(Plan, DevicesAreDeniedBeforeAnyIsAllowed) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    std::vector<std::string> writes;
    for (const auto& write : made->cgroup_writes)
        if (write.controller == "devices") writes.push_back(write.file + " " + write.value);
    ASSERT_FALSE(writes.empty());
    EXPECT_EQ(writes.front(), "devices.deny a");
    for (std::size_t i = 1; i < writes.size(); ++i)
        EXPECT_THAT(writes[i], HasSubstr("devices.allow"));
}

TEST(Plan, ANativeWorkerHasNoRootAndNoNamespaces) {
    oci::RuntimeSpec spec;
    spec.process.args = {"python3"};
    Options options;
    options.init = false;
    options.default_seccomp = false;
    auto made = plan(spec, {}, options, v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->clone_flags, 0u);
    EXPECT_THAT(made->describe(), Not(HasSubstr("mount")));
}

TEST(Plan, TheMonitorAsksTheContainersGroups) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->log_group, small_spec().linux.cgroups_path);
    auto asks = [&](const std::string& name, const std::string& file, const std::string& field) {
        for (const CgroupFact& fact : made->facts)
            if (fact.name == name) return fact.file.ends_with(file) && fact.field == field;
        return false;
    };
    EXPECT_TRUE(asks("oom_kills", "/crank/abc/memory.oom_control", "oom_kill"));
    EXPECT_TRUE(asks("memory_peak", "/crank/abc/memory.max_usage_in_bytes", ""));
    EXPECT_TRUE(asks("throttled_periods", "/crank/abc/cpu.stat", "nr_throttled"));
    made = plan(small_spec(), small_root(), small_options(), v2_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_TRUE(asks("oom_kills", "/crank/abc/memory.events", "oom_kill"));
    EXPECT_TRUE(asks("memory_peak", "/crank/abc/memory.peak", ""));
    EXPECT_TRUE(asks("throttled_us", "/crank/abc/cpu.stat", "throttled_usec"));
}

TEST(Plan, TheStrictSandboxComesBeforeRightsAreGivenUp) {
    Options options = small_options();
    auto usual = plan(small_spec(), small_root(), options, v1_host(), {});
    ASSERT_TRUE(usual) << usual.error().text();
    EXPECT_THAT(usual->describe(), Not(HasSubstr("Landlock")));
    options.confinement = Confinement{{"/tmp", "/data"}, {8501}};
    auto made = plan(small_spec(), small_root(), options, v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    std::string text = made->describe();
    std::size_t landlock = text.find("confine by Landlock, but for /tmp /data tcp:8501");
    ASSERT_NE(landlock, std::string::npos) << text;
    EXPECT_LT(text.find("change to directory"), landlock);
    EXPECT_LT(landlock, text.find("drop capabilities"));
}

struct BadSpec {
    const char* error;
    void (*spoil)(oci::RuntimeSpec&);
};

TEST(Plan, BadSpecsAreNamed) {
    const BadSpec kBad[] = {
        {"process.args is empty: there is no program to run",
         [](oci::RuntimeSpec& s) { s.process.args.clear(); }},
        {"mounts: destination 'x' is not an absolute path",
         [](oci::RuntimeSpec& s) { s.mounts[0].destination = "x"; }},
        {"mounts: the destination may not be /",
         [](oci::RuntimeSpec& s) { s.mounts[0].destination = "//"; }},
        {"mounts: source 'rel' is not an absolute path",
         [](oci::RuntimeSpec& s) { s.mounts[2].source = "rel"; }},
        {"mounts: option 'tmpcopyup' of /data is not supported yet",
         [](oci::RuntimeSpec& s) { s.mounts[2].options.push_back("tmpcopyup"); }},
        {"linux.namespaces: a user namespace is not supported here",
         [](oci::RuntimeSpec& s) { s.linux.namespaces.push_back({"user", ""}); }},
        {"linux.cgroupsPath '/a/../b' is not an absolute path without . and ..",
         [](oci::RuntimeSpec& s) { s.linux.cgroups_path = "/a/../b"; }},
        {"process.rlimits: unknown limit 'RLIMIT_X'",
         [](oci::RuntimeSpec& s) { s.process.rlimits.push_back({"RLIMIT_X", 1, 1}); }},
    };
    for (const auto& bad : kBad) {
        auto spec = small_spec();
        bad.spoil(spec);
        auto made = plan(spec, small_root(), small_options(), v1_host(), {});
        ASSERT_FALSE(made) << bad.error;
        EXPECT_EQ(made.error().text(), bad.error);
    }
}

TEST(Plan, LimitsWithoutCgroupsAreAnError) {
    auto spec = small_spec();
    spec.linux.resources.memory_limit = 1 << 20;
    auto made = plan(spec, small_root(), small_options(), HostFacts{}, {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::unsupported);
    EXPECT_THAT(made.error().hint(), HasSubstr("--limits=best-effort"));
}

TEST(Plan, AnothersPidNamespaceIsJoinedBetween) {
    oci::RuntimeSpec spec = small_spec();
    for (oci::Namespace& ns : spec.linux.namespaces)
        if (ns.type == "pid") ns.path = "/proc/self/fd/9";
    auto made = plan(spec, small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    ASSERT_EQ(made->joined.size(), 1u);
    EXPECT_EQ(made->before_clone, 0u) << "the monitor stays where it is";
    EXPECT_EQ(made->between, 1u);
    EXPECT_EQ(made->child[0].op.kind, shim::OpKind::set_namespace);
    EXPECT_EQ(made->child[0].op.fd, made->joined_slot(0));
    constexpr std::uint64_t kNewPid = 0x20000000;
    EXPECT_EQ(made->clone_flags & kNewPid, 0u);
    // What else is joined is for bundles.
    for (oci::Namespace& ns : spec.linux.namespaces)
        if (ns.type == "uts") ns.path = "/proc/self/fd/10";
    EXPECT_FALSE(plan(spec, small_root(), small_options(), v1_host(), {}));
}

TEST(Plan, TooManyLayersAreAnError) {
    Rootfs root = small_root();
    root.lower.assign(1000, "l/12345");
    auto made = plan(small_spec(), root, small_options(), v1_host(), {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().text(), "the image has too many layers to mount: 1000");
}

TEST(Encode, EveryOffsetLiesInTheText) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    Options options = small_options();
    options.log.path = "/run/crank/c/abc/log";
    options.after_exit.push_back({AfterExit::Kind::unlink, "/x"});
    Encoding encoding;
    encoding.options = &options;
    encoding.remove_cgroups = made->cgroup_dirs;
    auto bytes = encode(*made, encoding);
    ASSERT_TRUE(bytes);
    shim::Header header;
    std::memcpy(&header, bytes->data(), sizeof header);
    EXPECT_EQ(header.size, bytes->size());
    EXPECT_EQ(header.op_count, made->child.size());
    EXPECT_STREQ(bytes->data() + header.state_dir, "/run/crank/c/abc");
    EXPECT_STREQ(bytes->data() + header.log_path, "/run/crank/c/abc/log");
    ASSERT_EQ(header.after_exit_count, 5u);
    EXPECT_STREQ(bytes->data() + header.after_exit[4].path, "/x");
    shim::Op last;
    std::memcpy(&last, bytes->data() + header.ops + (header.op_count - 1) * sizeof last,
                sizeof last);
    EXPECT_STREQ(bytes->data() + last.s1, "/bin/true");
    EXPECT_STREQ(bytes->data() + last.s2, "A=1");
}

TEST(Encode, TooManyPortsAreAnError) {
    auto made = plan(small_spec(), small_root(), small_options(), v1_host(), {});
    ASSERT_TRUE(made);
    Options options;
    options.ports.resize(65);
    Encoding encoding;
    encoding.options = &options;
    auto bytes = encode(*made, encoding);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().text(), "at most 64 ports can be published by one container");
}

// A variable with one would come into the container as two.
TEST(Encode, ATextWithANulIsAnError) {
    using namespace std::string_literals;
    auto refused = [](auto change) {
        oci::RuntimeSpec spec = small_spec();
        change(spec);
        auto made = plan(spec, small_root(), small_options(), v1_host(), {});
        EXPECT_TRUE(made) << made.error().text();
        auto bytes = encode(*made, {});
        EXPECT_FALSE(bytes);
        EXPECT_EQ(bytes.error().code(), Code::invalid_argument);
        return bytes.error().text();
    };
    for (const std::string& error :
         {refused([](auto& spec) { spec.process.env.push_back("HOME=/a\0LD_PRELOAD=/b"s); }),
          refused([](auto& spec) { spec.process.args.push_back("a\0b"s); }),
          refused([](auto& spec) { spec.process.cwd = "/a\0b"s; })})
        EXPECT_THAT(error, HasSubstr("holds a NUL character"));
}

TEST(Records, AMissingRecordIsNotFound) {
    EXPECT_EQ(read_exit_status("/nowhere").error().code(), Code::not_found);
    EXPECT_EQ(read_monitor_state("/nowhere").error().code(), Code::not_found);
    EXPECT_FALSE(is_alive(1, 1));
}

TEST(Plan, ANativeWorkerKeepsItsCallersRights) {
    oci::RuntimeSpec spec;
    spec.process.args = {"/bin/true"};
    spec.process.cwd = "/srv";
    spec.process.no_new_privileges = false;
    Options options = small_options();
    options.keep_rights = true;
    auto made = plan(spec, {}, options, v1_host(), {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->clone_flags, 0u);
    std::string text = made->describe();
    EXPECT_THAT(text, HasSubstr("change to directory /srv"));
    EXPECT_THAT(text, HasSubstr("execute /bin/true"));
    for (const char* not_there : {"become user", "capabilities", "filter", "mount", "cgroup"})
        EXPECT_THAT(text, Not(HasSubstr(not_there)));
    spec.linux.namespaces.push_back({"pid", ""});
    EXPECT_FALSE(plan(spec, {}, options, v1_host(), {}));
}

}  // namespace
}  // namespace crank::runtime
