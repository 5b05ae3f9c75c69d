#include "oci/runtime_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The shape that `runc spec` writes.
constexpr const char* kTypical = R"({
  "ociVersion": "1.0.2-dev",
  "process": {
    "terminal": true, "user": {"uid": 0, "gid": 0}, "args": ["sh"],
    "env": ["PATH=/bin", "TERM=xterm"], "cwd": "/",
    "capabilities": {"bounding": ["CAP_KILL"], "ambient": ["CAP_KILL"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 512}],
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "runc",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns/x"}],
    "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]
  }
})";

TEST(RuntimeSpec, reads_the_typical_configuration) {
    auto spec = parse_runtime_spec(kTypical);
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_EQ(spec->root_path, "rootfs");
    EXPECT_TRUE(spec->root_readonly);
    EXPECT_TRUE(spec->process.terminal);
    EXPECT_THAT(spec->process.args, ElementsAre("sh"));
    EXPECT_EQ(spec->process.rlimits.at(0).soft, 512u);
    EXPECT_THAT(spec->process.capabilities.ambient, ElementsAre("CAP_KILL"));
    EXPECT_EQ(spec->mounts.at(1).options.at(1), "mode=755");
    EXPECT_EQ(spec->linux.namespaces.at(1).path, "/run/netns/x");
    EXPECT_EQ(spec->linux.resources.devices.at(0).type, "a");
    EXPECT_FALSE(spec->linux.seccomp);
}

TEST(RuntimeSpec, takes_absence_of_no_new_privileges_as_false) {
    auto spec = parse_runtime_spec(R"({"ociVersion":"1.2.0","process":{"cwd":"/"}})");
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_FALSE(spec->process.no_new_privileges);
}

RuntimeSpec full_spec() {
    RuntimeSpec spec;
    spec.hostname = "h";
    spec.root_path = "rootfs";
    Process& process = spec.process;
    process.terminal = true;
    process.console_rows = 24;
    process.console_columns = 80;
    process.user = {1000, 1001, {5, 6}, 022};
    process.args = {"a", "b"};
    process.env = {"A=1"};
    process.cwd = "/app";
    process.capabilities.bounding = {"CAP_CHOWN"};
    process.rlimits = {{"RLIMIT_CORE", 0, 0}};
    process.oom_score_adj = -5;
    spec.mounts = {{"/proc", "proc", "proc", {"nosuid"}}};
    Linux& part = spec.linux;
    part.namespaces = {{"pid", ""}, {"network", "/n"}};
    part.uid_mappings = {{0, 100000, 65536}};
    part.gid_mappings = {{0, 100000, 65536}};
    part.devices = {{"/dev/x", "c", 1, 3, 0600, 1, 2}};
    Resources& resources = part.resources;
    resources.memory_limit = 4096;
    resources.memory_swap = -1;
    resources.memory_reservation = 1024;
    resources.cpu_shares = 512;
    resources.cpu_quota = 200000;
    resources.cpu_period = 100000;
    resources.cpuset_cpus = "0-1";
    resources.cpuset_mems = "0";
    resources.pids_limit = 100;
    resources.devices = {{true, "c", 1, 3, "rwm"}, {false, "a", {}, {}, ""}};
    part.cgroups_path = "/crank/x";
    part.rootfs_propagation = "rslave";
    part.masked_paths = {"/proc/kcore"};
    part.readonly_paths = {"/proc/sys"};
    part.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "0"}};
    part.seccomp = Seccomp{"SCMP_ACT_ERRNO",
                           1,
                           {"SCMP_ARCH_X86_64"},
                           {{{"read"}, "SCMP_ACT_ALLOW", {}, {}},
                            {{"clone"}, "SCMP_ACT_ERRNO", 38, {{0, 1, 2, "SCMP_CMP_MASKED_EQ"}}}}};
    spec.annotations = {{"org.example", "x"}};
    return spec;
}

constexpr const char* kGolden =
    R"({"annotations":{"org.example":"x"},"hostname":"h","linux":{"cgroupsPath":"/crank/x",)"
    R"("devices":[{"fileMode":384,"gid":2,"major":1,"minor":3,"path":"/dev/x","type":"c","uid":1}],)"
    R"("gidMappings":[{"containerID":0,"hostID":100000,"size":65536}],)"
    R"("maskedPaths":["/proc/kcore"],)"
    R"("namespaces":[{"type":"pid"},{"path":"/n","type":"network"}],)"
    R"("readonlyPaths":["/proc/sys"],"resources":{"cpu":{"cpus":"0-1","mems":"0",)"
    R"("period":100000,"quota":200000,"shares":512},"devices":[{"access":"rwm","allow":true,)"
    R"("major":1,"minor":3,"type":"c"},{"allow":false,"type":"a"}],"memory":{"limit":4096,)"
    R"("reservation":1024,"swap":-1},"pids":{"limit":100}},"rootfsPropagation":"rslave",)"
    R"("seccomp":{"architectures":["SCMP_ARCH_X86_64"],"defaultAction":"SCMP_ACT_ERRNO",)"
    R"("defaultErrnoRet":1,"syscalls":[{"action":"SCMP_ACT_ALLOW","names":["read"]},)"
    R"({"action":"SCMP_ACT_ERRNO","args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":1,)"
    R"("valueTwo":2}],"errnoRet":38,"names":["clone"]}]},)"
    R"("sysctl":{"net.ipv4.ip_unprivileged_port_start":"0"},)"
    R"("uidMappings":[{"containerID":0,"hostID":100000,"size":65536}]},)"
    R"("mounts":[{"destination":"/proc","options":["nosuid"],"source":"proc","type":"proc"}],)"
    R"("ociVersion":"1.2.0","process":{"args":["a","b"],"capabilities":{"bounding":["CAP_CHOWN"]},)"
    R"("consoleSize":{"height":24,"width":80},"cwd":"/app","env":["A=1"],)"
    R"("noNewPrivileges":true,"oomScoreAdj":-5,"rlimits":[{"hard":0,"soft":0,)"
    R"("type":"RLIMIT_CORE"}],"terminal":true,"user":{"additionalGids":[5,6],"gid":1001,)"
    R"("uid":1000,"umask":18}},"root":{"path":"rootfs","readonly":false}})";

TEST(RuntimeSpec, serialises_to_the_golden_text) { EXPECT_EQ(serialize(full_spec()), kGolden); }

TEST(RuntimeSpec, reads_what_it_writes) {
    auto spec = parse_runtime_spec(kGolden);
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_EQ(serialize(*spec), kGolden);
}

TEST(RuntimeSpec, ignores_unsupported_fields_that_ask_for_nothing) {
    auto spec = parse_runtime_spec(
        R"({"ociVersion":"1.0.0","hooks":{},"process":{"cwd":"/","apparmorProfile":""},)"
        R"("linux":{"resources":{"memory":{"disableOOMKiller":false}}}})");
    EXPECT_TRUE(spec) << spec.error().text();
}

TEST(RuntimeSpec, a_limit_of_kernel_memory_is_taken_where_the_limit_of_all_keeps_it) {
    for (const char* memory : {R"({"memory":{"kernel":2,"limit":2}})", R"({"memory":{"kernel":0}})",
                               R"({"memory":{"kernel":-1,"limit":2}})"})
        EXPECT_TRUE(parse_resources(memory, nullptr).has_value()) << memory;
}

TEST(RuntimeSpec, without_a_process_it_stays_without_one) {
    auto spec = parse_runtime_spec(R"({"ociVersion":"1.2.0","root":{"path":"r"}})", nullptr);
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_FALSE(spec->has_process);
    EXPECT_FALSE(parse_runtime_spec(serialize(*spec), nullptr)->has_process);
}

TEST(RuntimeSpec, reads_every_limit_that_it_writes) {
    const std::string kDocument =
        R"({"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}],)"
        R"("throttleReadIOPSDevice":[{"major":8,"minor":1,"rate":2}],)"
        R"("throttleWriteBpsDevice":[{"major":8,"minor":2,"rate":3}],)"
        R"("throttleWriteIOPSDevice":[{"major":8,"minor":3,"rate":4}],"weight":500,)"
        R"("weightDevice":[{"major":8,"minor":0,"weight":20}]},)"
        R"("cpu":{"burst":5,"idle":1,"realtimePeriod":100,"realtimeRuntime":10},)"
        R"("hugepageLimits":[{"limit":4096,"pageSize":"2MB"}],)"
        R"("memory":{"checkBeforeUpdate":true,"disableOOMKiller":true,"kernelTCP":7,)"
        R"("swappiness":50,"useHierarchy":true},)"
        R"("network":{"classID":3,"priorities":[{"name":"eth0","priority":2}]},)"
        R"("rdma":{"mlx":{"hcaHandles":1,"hcaObjects":2}},"unified":{"memory.high":"5"}})";
    auto resources = parse_resources(kDocument, nullptr);
    ASSERT_TRUE(resources) << resources.error().text();
    RuntimeSpec spec;
    spec.linux.resources = *resources;
    EXPECT_THAT(serialize(spec), HasSubstr("\"resources\":" + kDocument));
    EXPECT_EQ(resources->block_io.write_bytes.front().minor, 2);
    EXPECT_EQ(resources->rdma.at("mlx").objects, 2u);
}

TEST(RuntimeSpec, reads_id_maps_of_mounts_and_listeners_of_filters) {
    const std::string kMount =
        R"({"destination":"/x","gidMappings":[{"containerID":0,"hostID":5,"size":1}],)"
        R"("options":["bind"],"source":"/y",)"
        R"("uidMappings":[{"containerID":1,"hostID":6,"size":2}]})";
    const std::string kFilter =
        R"("seccomp":{"defaultAction":"A","flags":["F"],"listenerMetadata":"m","listenerPath":"/l"})";
    auto spec = parse_runtime_spec(R"({"ociVersion":"1.2.0","mounts":[)" + kMount +
                                   R"(],"linux":{)" + kFilter + "}}");
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_THAT(serialize(*spec), HasSubstr(kMount));
    EXPECT_THAT(serialize(*spec), HasSubstr(kFilter));
}

TEST(RuntimeSpec, reads_what_newer_specifications_added) {
    const std::string kDevices = R"("netDevices":{"eth1":{},"eth2":{"name":"net%d"}})";
    const std::string kAffinity = R"("execCPUAffinity":{"final":"1","initial":"0-1"})";
    // A runtime of 0 is not the same as none: sched_setattr(2) refuses it.
    const std::string kScheduler = R"("scheduler":{"policy":"SCHED_DEADLINE","runtime":0})";
    auto spec =
        parse_runtime_spec(R"({"ociVersion":"1.3.0","linux":{)" + kDevices +
                           R"(},"process":{"cwd":"/",)" + kAffinity + "," + kScheduler + "}}");
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_EQ(spec->linux.net_devices.at("eth1").name, "");
    EXPECT_EQ(spec->linux.net_devices.at("eth2").name, "net%d");
    EXPECT_EQ(spec->process.exec_cpu_affinity->initial, "0-1");
    EXPECT_FALSE(spec->process.scheduler->deadline);
    for (const auto& text : {kDevices, kAffinity, kScheduler})
        EXPECT_THAT(serialize(*spec), HasSubstr(text));
}

struct Bad {
    std::string fields, names;
    Code code = Code::invalid_argument;
};

TEST(RuntimeSpec, refuses_bad_fields_by_path) {
    for (const Bad& c : {
             Bad{R"("frobnicate":1)", "'frobnicate' is not a known field"},
             Bad{R"("process":{"cwd":"/","user":{"uid":-1}})",
                 "'process.user.uid' is out of range"},
             Bad{R"("process":{"cwd":"/","user":{"uid":4294967296}})", "'process.user.uid'"},
             Bad{R"("process":{"cwd":"/","user":{"uidd":1}})", "'process.user.uidd'"},
             Bad{R"("process":{})", "'process.cwd' is missing"},
             Bad{R"("process":{"cwd":"app"})", "'process.cwd' is not an absolute path"},
             Bad{R"("process":{"cwd":"/","args":[1]})", "'process.args[0]' is not a string"},
             Bad{R"("process":{"cwd":"/","rlimits":[{"type":"NOFILE","soft":1,"hard":1}]})",
                 "'process.rlimits[0].type'"},
             Bad{R"("process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":1},)"
                 R"({"type":"RLIMIT_CORE","soft":1,"hard":1}]})",
                 "'process.rlimits[1].type' stands twice"},
             Bad{R"("process":{"cwd":"/","apparmorProfile":"x"})", "'process.apparmorProfile'",
                 Code::unsupported},
             Bad{R"("process":{"cwd":"/","execCPUAffinity":{"finale":"1"}})",
                 "'process.execCPUAffinity.finale' is not a known field"},
             Bad{R"("linux":{"netDevices":{"eth0":{"mtu":1}}})",
                 "'linux.netDevices.eth0.mtu' is not a known field"},
             Bad{R"("linux":{"netDevices":{"eth0":"eth1"}})", "'linux.netDevices.eth0'"},
             Bad{R"("root":{})", "'root.path' is missing"},
             Bad{R"("mounts":[{"destination":"x"}])", "'mounts[0].destination'"},
             Bad{R"("mounts":[{"destination":"/x","opts":[]}])", "'mounts[0].opts'"},
             Bad{R"("hooks":{"prestart":[{"path":"x"}]})", "'hooks.prestart[0].path'",
                 Code::invalid_argument},
             Bad{R"("linux":{"namespaces":[{"type":"net"}]})", "'linux.namespaces[0].type'"},
             Bad{R"("linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]})", "stands twice"},
             Bad{R"("linux":{"uidMappings":[{"containerID":0,"size":1}]})",
                 "'linux.uidMappings[0].hostID' is missing"},
             Bad{R"("linux":{"devices":[{"path":"/d","type":"x"}]})", "'linux.devices[0].type'"},
             Bad{R"("linux":{"resources":{"devices":[{"type":"a"}]}})",
                 "'linux.resources.devices[0].allow' is missing"},
             Bad{R"("linux":{"resources":{"devices":[{"allow":true,"access":"rx"}]}})",
                 "'linux.resources.devices[0].access'"},
             Bad{R"("linux":{"resources":{"memory":{"limit":"4g"}}})",
                 "'linux.resources.memory.limit' is not a whole number"},
             Bad{R"("linux":{"resources":{"memory":{"swappiness":101}}})",
                 "swappiness' is not from 0 to 100"},
             Bad{R"("linux":{"resources":{"memory":{"kernel":1}}})",
                 "'linux.resources.memory.kernel'", Code::unsupported},
             Bad{R"("linux":{"resources":{"memory":{"kernel":1,"limit":2}}})",
                 "'linux.resources.memory.kernel'", Code::unsupported},
             Bad{R"("linux":{"resources":{"blockIO":{"weight":5}}})",
                 "'linux.resources.blockIO.weight' is not from 10 to 1000"},
             Bad{R"("linux":{"resources":{"hugepageLimits":[{"pageSize":"../x","limit":1}]}})",
                 "'linux.resources.hugepageLimits[0].pageSize'"},
             Bad{R"("linux":{"resources":{"unified":{"../x":"1"}}})", "no file of a cgroup"},
             Bad{R"("linux":{"seccomp":{"defaultAction":"A","listenerPath":"x"}})",
                 "'linux.seccomp.listenerPath' is not an absolute path"},
             Bad{R"("linux":{"seccomp":{"defaultAction":"A","listenerMetadata":"x"}})",
                 "stands without a listenerPath"},
             Bad{R"("linux":{"seccomp":{}})", "'linux.seccomp.defaultAction' is missing"},
             Bad{R"("linux":{"seccomp":{"defaultAction":"A","syscalls":[{"action":"B"}]}})",
                 "'linux.seccomp.syscalls[0].names' is empty"},
             Bad{R"("linux":{"seccomp":{"defaultAction":"A","syscalls":[{"action":"B",)"
                 R"("names":["x"],"args":[{"index":6,"value":0,"op":"E"}]}]}})",
                 "'linux.seccomp.syscalls[0].args[0].index'"},
         }) {
        auto spec = parse_runtime_spec(R"({"ociVersion":"1.2.0",)" + c.fields + "}");
        ASSERT_FALSE(spec) << c.fields;
        EXPECT_EQ(spec.error().code(), c.code) << c.fields;
        EXPECT_THAT(spec.error().text(), HasSubstr(c.names));
    }
}

TEST(RuntimeSpec, refuses_other_versions) {
    EXPECT_EQ(parse_runtime_spec("{}").error().code(), Code::invalid_argument);
    EXPECT_EQ(parse_runtime_spec(R"({"ociVersion":"2.0.0"})").error().code(), Code::unsupported);
}

TEST(RuntimeSpec, names_the_field_that_was_meant) {
    auto spec = parse_runtime_spec(R"({"ociVersion":"1.2.0","process":{"cwd":"/","arg":["x"]}})");
    ASSERT_FALSE(spec);
    EXPECT_THAT(spec.error().hint(), HasSubstr("process.args"));
}

}  // namespace
}  // namespace crank::oci
