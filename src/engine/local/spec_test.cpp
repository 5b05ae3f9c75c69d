#include "engine/local/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine::local {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

runtime::HostFacts v1_host() {
    runtime::HostFacts host;
    host.cgroup_mode = runtime::CgroupMode::v1;
    host.cgroup_mounts = {{"cpu", "/cg/cpu"}, {"memory", "/cg/memory"}, {"pids", "/cg/pids"}};
    host.cpus = 4;
    return host;
}

struct World {
    oci::ImageConfig image;
    RunOptions options;
    runtime::HostFacts host = v1_host();
    policy::CapabilitySet held = policy::kAllCapabilities;
    std::vector<std::uint32_t> added_groups;
    oci::UserEntry user{.uid = 0, .gid = 0, .groups = {}, .home = "/root"};

    World() {
        options.image = "x";
        image.config.entrypoint = {"/entry"};
        image.config.cmd = {"default"};
        image.config.env = {"PATH=/image/bin", "A=image"};
        image.config.working_dir = "/app";
    }
    Result<SpecResult> make() const {
        return make_spec({.image = image,
                          .options = options,
                          .host = host,
                          .user = user,
                          .id = std::string(64, 'a'),
                          .files_dir = "/c",
                          .own_files_dir = "/own",
                          .host_name = "machine",
                          .held = held,
                          .added_groups = added_groups});
    }
    oci::RuntimeSpec spec() const {
        auto made = make();
        EXPECT_TRUE(made) << made.error().text();
        return made ? made->spec : oci::RuntimeSpec{};
    }
    std::string error() const {
        auto made = make();
        return made ? "no error" : made.error().text();
    }
};

TEST(Spec, EntrypointAndCommand) {
    World world;
    EXPECT_THAT(world.spec().process.args, ElementsAre("/entry", "default"));
    world.options.command = {"given", "words"};
    EXPECT_THAT(world.spec().process.args, ElementsAre("/entry", "given", "words"));
    world.options.entrypoint = "/other";
    EXPECT_THAT(world.spec().process.args, ElementsAre("/other", "given", "words"));
    world.options.command = {};
    EXPECT_THAT(world.spec().process.args, ElementsAre("/other")) << "the image's CMD is dropped";
    world.options.entrypoint = "";
    EXPECT_EQ(world.error(), "no command given, and image x names none");
    world.options.command = {"only"};
    EXPECT_THAT(world.spec().process.args, ElementsAre("only"));
}

TEST(Spec, EnvironmentInDockersOrder) {
    World world;
    world.options.env = {"A=user", "B=2", "PATH"};
    EXPECT_THAT(world.spec().process.env,
                ElementsAre("HOSTNAME=aaaaaaaaaaaa", "A=user", "B=2", "HOME=/root"));
    world.options.env = {"HOME=/else"};
    world.options.terminal = true;
    EXPECT_THAT(world.spec().process.env, ElementsAre("PATH=/image/bin", "HOSTNAME=aaaaaaaaaaaa",
                                                      "TERM=xterm", "A=image", "HOME=/else"));
}

TEST(Spec, LibrariesAreToldTheirQuotaUnlessSomebodySaysOtherwise) {
    World world;
    EXPECT_THAT(world.spec().process.env, Not(Contains(HasSubstr("_NUM_THREADS"))));
    world.options.nano_cpus = 1'500'000'000;
    EXPECT_THAT(world.spec().process.env, Contains("OMP_NUM_THREADS=2"));
    EXPECT_THAT(world.spec().process.env, Contains("GOMAXPROCS=2"));
    world.image.config.env.emplace_back("OMP_NUM_THREADS=7");
    world.options.env = {"GOMAXPROCS=9", "PYTHON_CPU_COUNT"};
    EXPECT_THAT(world.spec().process.env, Contains("OMP_NUM_THREADS=7"));
    EXPECT_THAT(world.spec().process.env, Contains("GOMAXPROCS=9"));
    EXPECT_THAT(world.spec().process.env, Not(Contains(HasSubstr("PYTHON_CPU_COUNT"))));
    EXPECT_THAT(world.spec().process.env, Contains("RAYON_NUM_THREADS=2"));
    // A quota that is not applied is none.
    world.host.cgroup_mode = runtime::CgroupMode::none;
    world.options.limits = Limits::best_effort;
    EXPECT_THAT(world.spec().process.env, Not(Contains(HasSubstr("RAYON"))));
}

TEST(Spec, RootHasTheDefaultCapabilitiesAndOthersNone) {
    World world;
    oci::CapabilitySets root = world.spec().process.capabilities;
    EXPECT_THAT(root.effective, Contains("CAP_CHOWN"));
    EXPECT_THAT(root.effective, Not(Contains("CAP_SYS_ADMIN")));
    EXPECT_THAT(root.inheritable, IsEmpty());
    world.user.uid = 1000;
    oci::CapabilitySets worker = world.spec().process.capabilities;
    EXPECT_EQ(worker.bounding, root.bounding);
    EXPECT_THAT(worker.effective, IsEmpty());
    EXPECT_THAT(worker.permitted, IsEmpty());
    EXPECT_TRUE(world.spec().process.no_new_privileges);
}

TEST(Spec, CapabilitiesAreAddedAndDropped) {
    World world;
    world.options.settings.cap_add = {"net_admin"};
    world.options.settings.cap_drop = {"CAP_CHOWN"};
    oci::CapabilitySets sets = world.spec().process.capabilities;
    EXPECT_THAT(sets.effective, Contains("CAP_NET_ADMIN"));
    EXPECT_THAT(sets.bounding, Not(Contains("CAP_CHOWN")));
    world.options.settings = {.cap_drop = {"ALL"}};
    EXPECT_THAT(world.spec().process.capabilities.bounding, IsEmpty());
    world.options.settings = {.cap_add = {"ALL"}};
    world.held = 1;
    EXPECT_THAT(world.spec().process.capabilities.bounding, ElementsAre("CAP_CHOWN"))
        << "all that there is";
    world.options.settings = {.cap_add = {"SYS_TIME"}};
    EXPECT_EQ(world.error(),
              "--cap-add CAP_SYS_TIME: crank does not have it itself on this machine");
}

TEST(Spec, NamespacesOfTheHost) {
    World world;
    auto types = [&] {
        std::vector<std::string> all;
        for (const oci::Namespace& ns : world.spec().linux.namespaces) all.push_back(ns.type);
        return all;
    };
    world.options.settings = {.pid = "host", .ipc = "host", .uts = "host"};
    EXPECT_THAT(types(), ElementsAre("mount", "cgroup", "network"));
    oci::RuntimeSpec spec = world.spec();
    EXPECT_EQ(spec.hostname, "");
    EXPECT_THAT(spec.process.env, Contains("HOSTNAME=machine"));
    auto shm = std::ranges::find(spec.mounts, "/dev/shm", &oci::Mount::destination);
    ASSERT_NE(shm, spec.mounts.end());
    EXPECT_EQ(shm->source, "/dev/shm");
    world.options.settings.sysctls = {{"kernel.msgmax", "1"}};
    EXPECT_THAT(world.error(), HasSubstr("the ipc namespace"));
    world.options.settings = {.ipc = "none"};
    spec = world.spec();
    EXPECT_EQ(std::ranges::find(spec.mounts, "/dev/shm", &oci::Mount::destination),
              spec.mounts.end());
    world.options.settings = {.network_of = "other"};
    world.options.network = NetworkMode::container;
    EXPECT_THAT(world.spec().linux.sysctl, IsEmpty()) << "they are the other's";
    world.options.settings = {.uts = "host", .domainname = "d"};
    EXPECT_THAT(world.error(), HasSubstr("--uts host with a host or domain name"));
    world.options.settings = {.ip = "10.0.0.2"};
    EXPECT_EQ(world.error(), "--ip is for a container on the bridge");
    world.options.network = NetworkMode::none;
    world.options.userns = ids::Wanted{ids::Wanted::Mode::automatic, 0};
    world.options.settings = {.pid = "host"};
    EXPECT_THAT(world.error(), HasSubstr("--pid with --userns=auto"));
}

TEST(Spec, PrivilegedMasksNothing) {
    World world;
    world.options.settings.privileged = true;
    oci::RuntimeSpec spec = world.spec();
    EXPECT_THAT(spec.process.capabilities.effective, Contains("CAP_SYS_ADMIN"));
    EXPECT_FALSE(spec.process.no_new_privileges);
    EXPECT_THAT(spec.linux.masked_paths, IsEmpty());
    EXPECT_THAT(spec.linux.readonly_paths, IsEmpty());
    for (const oci::Mount& mount : spec.mounts) {
        if (!mount.destination.starts_with("/sys")) continue;
        EXPECT_THAT(mount.options, Not(Contains("ro"))) << mount.destination;
    }
    EXPECT_THAT(spec.linux.resources.devices, Contains(oci::DeviceRule{true, "a", {}, {}, "rwm"}));
    world.options.userns = ids::Wanted{ids::Wanted::Mode::automatic, 0};
    EXPECT_THAT(world.error(), HasSubstr("--privileged with --userns=auto"));
    world.options.userns.reset();
    world.options.sandbox = Sandbox::strict;
    EXPECT_EQ(world.error(), "--privileged with --sandbox strict: they are opposites");
}

TEST(Spec, SettingsOfTheProcess) {
    World world;
    world.options.settings = {.no_new_privileges = false,
                              .bare_paths = true,
                              .oom_score_adj = 500,
                              .ulimits = {{"nofile", 64, 128}, {"core", -1, -1}},
                              .sysctls = {{"net.core.somaxconn", "64"}},
                              .domainname = "d",
                              .annotations = {{"k", "v"}}};
    world.added_groups = {7, 0, 7};
    oci::RuntimeSpec spec = world.spec();
    EXPECT_FALSE(spec.process.no_new_privileges);
    EXPECT_THAT(spec.linux.masked_paths, IsEmpty());
    EXPECT_EQ(spec.process.oom_score_adj, 500);
    EXPECT_THAT(spec.process.user.additional_gids, ElementsAre(7)) << "its own is no other";
    ASSERT_EQ(spec.process.rlimits.size(), 2u);
    EXPECT_EQ(spec.process.rlimits[0].type, "RLIMIT_NOFILE");
    EXPECT_EQ(spec.process.rlimits[0].hard, 128u);
    EXPECT_EQ(spec.process.rlimits[1].soft, UINT64_MAX);
    EXPECT_EQ(spec.linux.sysctl.at("net.core.somaxconn"), "64");
    EXPECT_EQ(spec.domainname, "d");
    EXPECT_EQ(spec.annotations.at("k"), "v");
}

TEST(Spec, ASeccompProfileIsReadForWhatTheWorkerHas) {
    World world;
    world.options.settings.cap_drop = {"ALL"};
    world.options.settings.seccomp = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["a"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_CHOWN"]}},
        {"names":["b"],"action":"SCMP_ACT_ERRNO","includes":{"caps":["CAP_CHOWN"]}}]})";
    oci::RuntimeSpec spec = world.spec();
    ASSERT_TRUE(spec.linux.seccomp);
    ASSERT_EQ(spec.linux.seccomp->syscalls.size(), 1u);
    EXPECT_THAT(spec.linux.seccomp->syscalls[0].names, ElementsAre("a"));
    world.options.settings.seccomp = "{}";
    EXPECT_THAT(world.error(), HasSubstr("--security-opt seccomp: "));
}

TEST(Spec, MoreLimits) {
    World world;
    world.host.cgroup_mounts.emplace_back("cpuset", "/cg/cpuset");
    world.options.memory = 64 << 20;
    world.options.settings = {.memory_swap = 64 << 20,
                              .memory_reservation = 32 << 20,
                              .cpu_shares = 512,
                              .cpuset_cpus = "0-3",
                              .cpuset_mems = "0"};
    oci::Resources limits = world.spec().linux.resources;
    EXPECT_EQ(limits.memory_swap, 64 << 20);
    EXPECT_EQ(limits.memory_reservation, 32 << 20);
    EXPECT_EQ(limits.cpu_shares, 512u);
    EXPECT_EQ(limits.cpuset_cpus, "0-3");
    EXPECT_EQ(limits.cpuset_mems, "0");
    world.options.settings = {.cpuset_cpus = "0-4"};
    EXPECT_EQ(world.error(), "--cpuset-cpus=0-4: this host has the CPUs 0-3");
    world.options.settings = {.cpu_shares = 1};
    EXPECT_EQ(world.error(), "--cpu-shares=1: from 2 to 262144 (1024 is the usual)");
    world.options.settings = {.memory_swap = 32 << 20};
    EXPECT_THAT(world.error(), HasSubstr("below --memory=64MiB"));
    world.options.settings = {.memory_reservation = 128 << 20};
    EXPECT_EQ(world.error(), "--memory-reservation=128MiB: it is above --memory=64MiB");
    world.options.memory.reset();
    world.options.settings = {.memory_swap = 32 << 20};
    EXPECT_THAT(world.error(), HasSubstr("needs --memory"));
    world.options.settings = {.memory_swap = -1};
    EXPECT_EQ(world.spec().linux.resources.memory_swap, std::nullopt);
}

TEST(Spec, LimitsAsTheKernelWantsThem) {
    World world;
    world.options.nano_cpus = 500'000'000;
    world.options.memory = 64 << 20;
    oci::Resources limits = world.spec().linux.resources;
    EXPECT_EQ(limits.cpu_period, 100'000u);
    EXPECT_EQ(limits.cpu_quota, 50'000);
    EXPECT_EQ(limits.memory_limit, 64 << 20);
    EXPECT_EQ(limits.memory_swap, 128 << 20);
    EXPECT_EQ(limits.pids_limit, kDefaultPidsLimit);
    world.options.pids_limit = -1;
    EXPECT_EQ(world.spec().linux.resources.pids_limit, std::nullopt);
    world.options.pids_limit = 10;
    EXPECT_EQ(world.spec().linux.resources.pids_limit, 10);
}

TEST(Spec, LimitsOutOfRange) {
    World world;
    world.options.nano_cpus = 8'000'000'000;
    EXPECT_EQ(world.error(), "--cpus=8: from 0.01 to 4, because this host has 4 CPUs");
    world.options.nano_cpus = 2'500'000;
    EXPECT_THAT(world.error(), HasSubstr("--cpus=0: from 0.01 to 4"));
    world.options.nano_cpus.reset();
    world.options.memory = 1 << 20;
    EXPECT_EQ(world.error(), "--memory=1MiB: at least 6MiB is needed to start a worker");
}

TEST(Spec, ALimitTheHostCannotApplyIsAnErrorOrAWarning) {
    World world;
    world.host.cgroup_mounts = {{"cpu", "/cg/cpu"}};
    EXPECT_EQ(world.make()->warnings.size(), 1u)
        << "the default limit of processes was not asked for";
    world.options.memory = 64 << 20;
    EXPECT_EQ(world.error(),
              "--memory=64MiB cannot be applied: this host has no usable memory cgroup controller");
    world.options.limits = Limits::best_effort;
    auto made = world.make();
    ASSERT_TRUE(made);
    EXPECT_EQ(made->spec.linux.resources.memory_limit, std::nullopt);
    EXPECT_THAT(made->warnings, Contains(HasSubstr("--memory=64MiB cannot be applied")));
}

TEST(Spec, ControllersOfVersionTwo) {
    World world;
    world.host.cgroup_mode = runtime::CgroupMode::v2;
    world.host.cgroup_mounts = {{"", "/cg"}};
    world.host.v2_controllers = {"memory"};
    world.options.memory = 64 << 20;
    EXPECT_TRUE(world.make());
    world.options.nano_cpus = 1'000'000'000;
    EXPECT_THAT(world.error(), HasSubstr("no usable cpu cgroup controller"));
}

const oci::Mount* find_mount(const oci::RuntimeSpec& spec, std::string_view destination) {
    const oci::Mount* found = nullptr;
    for (const oci::Mount& mount : spec.mounts)
        if (mount.destination == destination) {
            EXPECT_EQ(found, nullptr) << destination << " is mounted twice";
            found = &mount;
        }
    return found;
}

TEST(Spec, SharedMemoryIsHalfOfTheMemoryLimit) {
    World world;
    oci::RuntimeSpec spec = world.spec();
    EXPECT_THAT(find_mount(spec, "/dev/shm")->options, Contains("size=67108864"));
    world.options.memory = std::int64_t{4} << 30;
    spec = world.spec();
    EXPECT_THAT(find_mount(spec, "/dev/shm")->options, Contains("size=2147483648"));
}

TEST(Spec, SharedMemoryAsAskedFor) {
    World world;
    world.options.shm_size = std::int64_t{1} << 30;
    oci::RuntimeSpec spec = world.spec();
    EXPECT_THAT(find_mount(spec, "/dev/shm")->options, Contains("size=1073741824"));
    EXPECT_THAT(world.make()->warnings, IsEmpty());
    world.options.memory = std::int64_t{512} << 20;
    spec = world.spec();
    EXPECT_THAT(find_mount(spec, "/dev/shm")->options, Contains("size=1073741824"));
    EXPECT_THAT(world.make()->warnings, ElementsAre(HasSubstr("counts as memory")));
}

TEST(Spec, TheUsersMountsReplaceTheDefaultOnesAndComeInOrder) {
    World world;
    world.options.binds = {{"/host/deep", "/data/deep", true},
                           {"/host", "/data", false},
                           {"/host/hosts", "/etc/hosts", true}};
    world.options.tmpfs = {{"/dev/shm", {"size=1m", "exec"}}};
    oci::RuntimeSpec spec = world.spec();
    EXPECT_EQ(find_mount(spec, "/etc/hosts")->source, "/host/hosts");
    EXPECT_THAT(find_mount(spec, "/dev/shm")->options,
                ElementsAre("nosuid", "nodev", "size=1m", "exec"));
    EXPECT_LT(find_mount(spec, "/data"), find_mount(spec, "/data/deep"));
    EXPECT_THAT(find_mount(spec, "/data/deep")->options, ElementsAre("rbind", "ro", "rprivate"));
    EXPECT_EQ(find_mount(spec, "/etc/resolv.conf")->source, "/c/resolv.conf");
}

TEST(Spec, SecretsAreReadOnlyFilesThatTheStartBrings) {
    World world;
    world.options.secrets = {{.source = "/k/token", .destination = "/run/secrets/token"},
                             {.source = "/k/hosts", .destination = "/etc/hosts"}};
    std::vector<oci::Mount> mounts;
    for (oci::Mount& mount : world.spec().mounts)
        if (mount.source.starts_with("/own/"))
            mounts.push_back(std::move(mount));
        else
            EXPECT_NE(mount.destination, "/etc/hosts");
    ASSERT_EQ(mounts.size(), 2U);
    // As sorted: what lies deeper comes behind.
    EXPECT_EQ(mounts[0].destination, "/etc/hosts");
    EXPECT_EQ(mounts[0].source, "/own/secret-1");
    EXPECT_EQ(mounts[1].source, "/own/secret-0");
    EXPECT_EQ(mounts[1].type, "bind");
    EXPECT_THAT(mounts[1].options,
                ElementsAre("bind", "ro", "nosuid", "nodev", "noexec", "rprivate"));
    EXPECT_TRUE(mounts[1].uid_mappings.empty());
}

TEST(Spec, Namespaces) {
    World world;
    auto has_network = [](const oci::RuntimeSpec& spec) {
        for (const oci::Namespace& ns : spec.linux.namespaces)
            if (ns.type == "network") return true;
        return false;
    };
    EXPECT_TRUE(has_network(world.spec()));
    EXPECT_THAT(world.spec().linux.sysctl, Not(IsEmpty()));
    world.options.network = NetworkMode::host;
    EXPECT_FALSE(has_network(world.spec()));
    EXPECT_THAT(world.spec().linux.sysctl, IsEmpty()) << "they would be the host's";
    EXPECT_EQ(world.spec().hostname, "machine");
    EXPECT_EQ(world.spec().linux.cgroups_path, "/crank/" + std::string(64, 'a'));
}

TEST(Spec, WorkingDirectory) {
    World world;
    EXPECT_EQ(world.spec().process.cwd, "/app");
    world.options.working_dir = "relative";
    EXPECT_EQ(world.error(), "the working directory \"relative\" is not absolute");
    world.options.working_dir = "";
    world.image.config.working_dir = "";
    EXPECT_EQ(world.spec().process.cwd, "/");
}

TEST(Spec, TheStrictSandbox) {
    World world;
    world.options.sandbox = Sandbox::strict;
    world.options.binds = {{"/host/in", "/in", true}, {"/host/out", "/out", false}};
    world.options.tmpfs = {{"/run", {}}};
    world.options.ports = {{.container_port = 8501}};
    world.image.config.exposed_ports = {"9000/tcp", "9001", "53/udp", "7000-7002/tcp", "x/tcp"};
    auto made = world.make();
    ASSERT_TRUE(made) << made.error().text();
    const oci::RuntimeSpec& spec = made->spec;
    EXPECT_TRUE(spec.root_readonly);
    EXPECT_TRUE(spec.process.no_new_privileges);
    EXPECT_THAT(spec.process.capabilities.bounding, IsEmpty());
    EXPECT_THAT(spec.process.capabilities.effective, IsEmpty());
    EXPECT_THAT(find_mount(spec, "/tmp")->options, Contains("noexec"));
    EXPECT_THAT(find_mount(spec, "/etc/hosts")->options, Contains("ro"));
    ASSERT_TRUE(made->confinement);
    EXPECT_THAT(made->confinement->writable, ElementsAre("/dev/shm", "/tmp", "/out", "/run"));
    EXPECT_THAT(made->confinement->bind_ports, ElementsAre(7000, 7001, 7002, 8501, 9000, 9001));
}

TEST(Spec, TheUsualSandboxHasNoneOfThat) {
    World world;
    auto made = world.make();
    ASSERT_TRUE(made);
    EXPECT_FALSE(made->confinement);
    EXPECT_FALSE(made->spec.root_readonly);
    for (const oci::Mount& mount : made->spec.mounts) EXPECT_NE(mount.destination, "/tmp");
}

TEST(Spec, WhatIsAtOddsWithTheStrictSandbox) {
    World world;
    world.options.sandbox = Sandbox::strict;
    world.options.network = NetworkMode::host;
    EXPECT_THAT(world.error(), HasSubstr("--sandbox strict with --network host"));
}

}  // namespace
}  // namespace crank::engine::local
