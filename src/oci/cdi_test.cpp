// The rules of CDI files: what is accepted, what is refused with which words, what edits do.
#include "oci/cdi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci::cdi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string with_edits(const std::string& edits, const std::string& version = "1.1.0") {
    return "cdiVersion: '" + version +
           "'\nkind: vendor.com/gpu\ndevices:\n- name: a\n  containerEdits:\n    " + edits + "\n";
}

Spec good(const std::string& text, const std::string& path = "/etc/cdi/x.yaml") {
    auto spec = parse(text, path);
    EXPECT_TRUE(spec.has_value()) << text << "\n" << (spec ? "" : spec.error().text());
    return spec ? std::move(*spec) : Spec{};
}

std::string why(const std::string& text, const std::string& path = "/etc/cdi/x.yaml") {
    auto spec = parse(text, path);
    EXPECT_FALSE(spec.has_value()) << text;
    if (spec) return "";
    EXPECT_EQ(spec.error().code(), Code::invalid_argument);
    EXPECT_FALSE(spec.error().hint().empty()) << spec.error().text();
    return spec.error().text();
}

TEST(Cdi, EveryFieldIsRead) {
    Spec spec = good(R"(---
cdiVersion: "1.1.0"
kind: vendor.com/gpu.x
annotations: {a.b/c: d}
containerEdits:
  env: [A=1]
devices:
- name: "0"
  annotations: {e: f}
  containerEdits:
    env: [B=2]
    deviceNodes:
    - {path: /dev/x, hostPath: /dev/y, type: c, major: 10, minor: 200, fileMode: 0640,
       permissions: rw, uid: 1, gid: 2}
    mounts:
    - {hostPath: /a, containerPath: /b, type: bind, options: [ro, rbind]}
    hooks:
    - {hookName: createContainer, path: /bin/h, args: [h, x], env: [C=3], timeout: 5}
    additionalGids: [44, 0]
    intelRdt: {closID: c, l3CacheSchema: l, memBwSchema: m, schemata: [s], enableMonitoring: true}
    netDevices: [{hostInterfaceName: eth1, name: eth0}]
)");
    EXPECT_EQ(spec.kind, "vendor.com/gpu.x");
    EXPECT_EQ(spec.annotations.at("a.b/c"), "d");
    EXPECT_THAT(spec.edits.env, ElementsAre("A=1"));
    ASSERT_EQ(spec.devices.size(), 1U);
    const Edits& edits = spec.devices[0].edits;
    const DeviceNode& node = edits.device_nodes.at(0);
    EXPECT_EQ(node.on_host(), "/dev/y");
    EXPECT_EQ(node.file_mode, 0640U);
    EXPECT_EQ(node.major, 10);
    EXPECT_EQ(node.gid, 2U);
    EXPECT_THAT(edits.mounts.at(0).options, ElementsAre("ro", "rbind"));
    EXPECT_EQ(edits.hooks.at(0).hook.timeout, 5);
    EXPECT_THAT(edits.additional_gids, ElementsAre(44U));
    EXPECT_EQ(edits.intel_rdt->schemata.size(), 1U);
    EXPECT_EQ(edits.net_devices.at(0).name, "eth0");
}

TEST(Cdi, JsonAndYamlAreTheSame) {
    std::string json =
        R"({"cdiVersion":"0.5.0","kind":"v.com/c","devices":[{"name":"a","containerEdits":{"env":["A=b"]}}]})";
    EXPECT_EQ(good(json, "/etc/cdi/x.json").devices[0].edits.env[0], "A=b");
    EXPECT_EQ(good(json, "/etc/cdi/x.yaml").devices[0].edits.env[0], "A=b");
}

TEST(Cdi, WhatIsWrongIsNamed) {
    EXPECT_THAT(why("{"), HasSubstr("CDI file /etc/cdi/x.yaml: the document is not valid JSON"));
    EXPECT_THAT(why("a: [1, 2"), HasSubstr("not valid YAML at line"));
    EXPECT_THAT(why(""), HasSubstr("the document is not an object"));
    EXPECT_THAT(why("kind: a.b/c"), HasSubstr("'cdiVersion' is missing"));
    EXPECT_THAT(why("cdiVersion: 0.5"), HasSubstr("'cdiVersion' is not a string"));
    EXPECT_THAT(why(with_edits("env: [A=1]", "2.0.0")), HasSubstr("crank knows 0.3.0 to 1.1.0"));
    EXPECT_THAT(why("cdiVersion: 1.0.0\nkind: nvidia\n"), HasSubstr("wanted is VENDOR/CLASS"));
    EXPECT_THAT(why("cdiVersion: 1.0.0\nkind: a.b/c\ndevices: []\n"),
                HasSubstr("'devices' is empty"));
    EXPECT_THAT(why("cdiVersion: 1.0.0\nkind: a.b/c\ndevices: [{name: 0}]\n"),
                HasSubstr(R"('devices[0].name' is not a string: put it in quotes, "0")"));
    EXPECT_THAT(why("cdiVersion: 1.0.0\nkind: a.b/c\ndevices: [{name: a, containerEdits: {}}]\n"),
                HasSubstr("'devices[0].containerEdits' is empty"));
    EXPECT_THAT(why(with_edits("env: [A]")),
                HasSubstr("'devices[0].containerEdits.env[0]' is 'A', not NAME=VALUE"));
    EXPECT_THAT(why(with_edits("envs: [A=1]")),
                HasSubstr("'devices[0].containerEdits.envs' is not a known field"));
}

// Each border of table 3-7 of Unicode: what is just inside it is text, what is just outside is not.
TEST(Cdi, TextIsUtf8) {
    for (const char* text :
         {"\x7e", "\xc3\xa9", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf",
          "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(
            good(with_edits("env: [\"A=" + std::string(text) + "\"]")).devices[0].edits.env[0],
            "A=" + std::string(text));
    for (const char* text :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3\x28", "\xe0\x9f\xbf", "\xe2\x82",
          "\xe2\x82\x28", "\xe2\xc3\xa9", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
          "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
        EXPECT_THAT(why(with_edits("env: [\"A=" + std::string(text) + "\"]")),
                    HasSubstr("the document is not UTF-8 text"));
        EXPECT_THAT(why(with_edits("env: [A=1]") + "# " + text),
                    HasSubstr("the document is not UTF-8 text"));
    }
}

TEST(Cdi, NodesMountsAndHooksAreChecked) {
    auto node = [](const std::string& fields) {
        return with_edits("deviceNodes: [{" + fields + "}]");
    };
    EXPECT_THAT(why(node("path: dev/x")),
                HasSubstr("deviceNodes[0].path' is 'dev/x': it must be abs"));
    EXPECT_THAT(why(node("path: /dev/../etc/x")), HasSubstr("it must have no '..'"));
    EXPECT_THAT(why(node("path: /etc/x")), HasSubstr("belongs below /dev"));
    EXPECT_THAT(why(node("path: /dev/x, type: d")), HasSubstr("wanted is b, c, u or p"));
    EXPECT_THAT(why(node("path: /dev/x, permissions: rx")), HasSubstr("wanted are letters of rwm"));
    EXPECT_THAT(why(node("path: /dev/x, major: -1")), HasSubstr("major' is out of range"));
    EXPECT_THAT(why(node("path: /dev/x, fileMode: 99999")), HasSubstr("fileMode' is out of range"));
    EXPECT_THAT(why(with_edits("mounts: [{hostPath: /a}]")),
                HasSubstr("containerPath' is missing"));
    EXPECT_THAT(why(with_edits("mounts: [{hostPath: /a, containerPath: b}]")),
                HasSubstr("absolute"));
    EXPECT_THAT(why(with_edits("mounts: [{hostPath: /a, containerPath: /}]")), HasSubstr("is '/'"));
    EXPECT_THAT(why(with_edits("hooks: [{hookName: later, path: /a}]")), HasSubstr("is 'later'"));
    EXPECT_THAT(why(with_edits("hooks: [{hookName: poststop, path: a}]")), HasSubstr("absolute"));
    EXPECT_THAT(why(with_edits("hooks: [{hookName: poststop, path: /a, timeout: 0}]")),
                HasSubstr("timeout' must be from 1"));
    EXPECT_THAT(why(with_edits("intelRdt: {closID: a/b}")), HasSubstr("no name of a file"));
    EXPECT_THAT(why(with_edits("netDevices: [{hostInterfaceName: a, name: b}, "
                               "{hostInterfaceName: a, name: c}]")),
                HasSubstr("a second time"));
    EXPECT_THAT(why(with_edits("additionalGids: [-1]")), HasSubstr("is not a group id"));
}

TEST(Cdi, AVersionHasWhatItHas) {
    EXPECT_THAT(why(with_edits("additionalGids: [1]", "0.6.0")),
                HasSubstr("devices[0].containerEdits.additionalGids needs 0.7.0"));
    EXPECT_THAT(why(with_edits("netDevices: [{hostInterfaceName: a, name: b}]", "1.0.0")),
                HasSubstr("needs 1.1.0"));
    EXPECT_THAT(why(with_edits("deviceNodes: [{path: /dev/x, hostPath: /dev/y}]", "0.4.0")),
                HasSubstr("needs 0.5.0"));
    EXPECT_THAT(why(with_edits("mounts: [{hostPath: /a, containerPath: /b, type: bind}]", "0.3.0")),
                HasSubstr("needs 0.4.0"));
    good(with_edits("mounts: [{hostPath: /a, containerPath: /b}]", "v0.3.0"));
}

TEST(Cdi, AliasesAreBounded) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        std::string below = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
        for (int j = 0; j < 9; ++j) bomb += ", " + below;
        bomb += "]\n";
    }
    EXPECT_THAT(why(bomb), HasSubstr("has more than 100000 values at line"));
    EXPECT_THAT(why("a: &a [*a]\n"), HasSubstr("an alias of what is not there yet"));
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "- ";
    EXPECT_THAT(why(deep + "x\n"), HasSubstr("nested deeper than 64 levels"));
    EXPECT_THAT(why("a: " + std::string(5000, '[')), HasSubstr("the document"));
    Spec spec = good(
        "cdiVersion: 1.0.0\nkind: v.com/c\ncontainerEdits: &e {env: [A=1]}\n"
        "devices: [{name: a, containerEdits: *e}]\n");
    EXPECT_THAT(spec.devices[0].edits.env, ElementsAre("A=1"));
}

TEST(Cdi, NamesOfDevices) {
    EXPECT_EQ(parse_name("nvidia.com/gpu=0")->device, "0");
    EXPECT_EQ(parse_name("nvidia.com/gpu=0:1")->kind, "nvidia.com/gpu");
    for (const char* bad : {"", "/dev/x", "gpu=0", "nvidia.com/gpu", "nvidia.com/gpu=", "/gpu=0",
                            "1a/gpu=0", "a/b/c=d", "nvidia.com/gpu=-a", "nvidia.com/gpu=a b"})
        EXPECT_FALSE(parse_name(bad)) << bad;
}

Spec file(const std::string& path, int priority, const std::string& value,
          const std::string& kind = "v.com/c") {
    Spec spec = good("cdiVersion: 0.5.0\nkind: " + kind + "\ncontainerEdits: {env: [ALL=1]}\n" +
                         "devices: [{name: a, containerEdits: {env: [A=" + value + "]}}]\n",
                     path);
    spec.priority = priority;
    return spec;
}

TEST(Cdi, TheLaterDirectoryCountsAndTwoFilesConflict) {
    Registry registry;
    registry.add(file("/etc/cdi/a.yaml", 0, "etc"));
    registry.add(file("/run/cdi/a.yaml", 1, "run"));
    EXPECT_EQ(registry.find({"v.com/c", "a"})->spec->path, "/run/cdi/a.yaml");
    registry.add(file("/run/cdi/b.yaml", 1, "other"));
    auto twice = registry.find({"v.com/c", "a"});
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().text(),
              "device v.com/c=a is defined twice, in /run/cdi/a.yaml and in /run/cdi/b.yaml");
    registry.add_broken({"/etc/cdi/z.yaml", "CDI file /etc/cdi/z.yaml: 'kind' is missing"});
    EXPECT_THAT(
        registry.find({"v.com/c", "b"}).error().text(),
        HasSubstr("no device v.com/c=b: v.com/c has a; not read: CDI file /etc/cdi/z.yaml"));
    EXPECT_THAT(registry.find({"v.com/d", "b"}).error().text(), HasSubstr("define v.com/c"));
}

TEST(Cdi, CommonEditsAreMadeOnce) {
    Registry registry;
    Spec spec = file("/etc/cdi/a.yaml", 0, "1");
    spec.devices.push_back({"b", {}, {}});
    spec.devices.back().edits.env = {"B=2"};
    registry.add(std::move(spec));
    auto edits = registry.edits_of({{"v.com/c", "b"}, {"v.com/c", "a"}, {"v.com/c", "a"}});
    ASSERT_TRUE(edits);
    EXPECT_THAT(edits->env, ElementsAre("ALL=1", "B=2", "A=1"));
}

TEST(Cdi, EditsBecomePartOfTheConfiguration) {
    Edits edits = good(with_edits(R"(env: [PATH=/x, NEW=1]
    deviceNodes: [{path: /dev/x, type: c, major: 10, minor: 3, fileMode: 432, permissions: r},
                  {path: /dev/y, type: c, major: 10, minor: 4, permissions: none, uid: 0, gid: 7}]
    mounts: [{hostPath: /l/deep, containerPath: /usr/lib/deep}, {hostPath: /l, containerPath: /usr}]
    hooks: [{hookName: createRuntime, path: /bin/h}]
    additionalGids: [44])"))
                      .devices[0]
                      .edits;
    RuntimeSpec spec;
    spec.process.env = {"PATH=/bin", "HOME=/"};
    spec.process.user = {.uid = 1000, .gid = 1001};
    spec.mounts = {{"/proc", "proc", "proc", {}}, {"/usr", "bind", "/mine", {"rbind"}}};
    ASSERT_TRUE(apply(edits, spec));
    EXPECT_THAT(spec.process.env, ElementsAre("PATH=/x", "HOME=/", "NEW=1"));
    ASSERT_EQ(spec.linux.devices.size(), 2U);
    EXPECT_EQ(spec.linux.devices[0].uid, 1000U);
    EXPECT_EQ(spec.linux.devices[0].gid, 1001U);
    EXPECT_EQ(spec.linux.devices[0].file_mode, 0660U);
    EXPECT_EQ(spec.linux.devices[1].gid, 7U);
    ASSERT_EQ(spec.linux.resources.devices.size(), 1U);
    EXPECT_EQ(spec.linux.resources.devices[0].access, "r");
    EXPECT_TRUE(spec.linux.device_rules_complete);
    ASSERT_EQ(spec.mounts.size(), 3U);
    EXPECT_EQ(spec.mounts[1].source, "/l");
    EXPECT_EQ(spec.mounts[2].destination, "/usr/lib/deep");
    EXPECT_THAT(spec.mounts[2].options, ElementsAre("rbind"));
    EXPECT_EQ(spec.hooks.create_runtime.size(), 1U);
    EXPECT_THAT(spec.process.user.additional_gids, ElementsAre(44U));
}

TEST(Cdi, WhatCrankDoesNotDoIsAnError) {
    RuntimeSpec spec;
    Edits edits;
    edits.net_devices = {{"eth1", "eth0"}};
    EXPECT_EQ(apply(edits, spec).error().code(), Code::unsupported);
    edits = {};
    edits.intel_rdt = IntelRdt{};
    EXPECT_THAT(apply(edits, spec).error().text(), HasSubstr("containerEdits.intelRdt"));
}

TEST(Cdi, NodesAreCompletedFromTheHost) {
    DeviceNode node{.path = "/dev/x"};
    ASSERT_TRUE(complete(node, {"c", 10, 3, 0666}));
    EXPECT_EQ(node.type, "c");
    EXPECT_EQ(node.minor, 3);
    DeviceNode other{.path = "/dev/x", .type = "b"};
    EXPECT_THAT(complete(other, {"c", 10, 3, 0666}).error().text(), HasSubstr("of type c, not b"));
    DeviceNode full{.path = "/dev/x", .type = "c", .major = 1, .minor = 5};
    ASSERT_TRUE(complete(full, {"c", 10, 3, 0600}));
    EXPECT_EQ(full.major, 1);
    EXPECT_TRUE(is_complete(full));
}

Edits hooks_of(const std::string& list) {
    Edits edits = good(with_edits("hooks: [" + list + "]")).devices[0].edits;
    take_known_hooks(edits);
    return edits;
}

TEST(Cdi, NvidiasHooksAreDoneWithoutTheirProgram) {
    Edits edits = hooks_of(
        "{hookName: createContainer, path: /usr/bin/nvidia-cdi-hook, args: [nvidia-cdi-hook, "
        "create-symlinks, --link, 'libcuda.so.1::/usr/lib/libcuda.so']},"
        "{hookName: createContainer, path: /usr/bin/nvidia-ctk, args: [nvidia-ctk, hook, "
        "update-ldcache, --folder, /usr/lib/a, --folder=/usr/lib/b]}");
    EXPECT_THAT(edits.hooks, IsEmpty());
    ASSERT_EQ(edits.links.size(), 1U);
    EXPECT_EQ(edits.links[0], (oci::Link{"libcuda.so.1", "/usr/lib/libcuda.so"}));
    EXPECT_THAT(edits.library_dirs, ElementsAre("/usr/lib/a", "/usr/lib/b"));
    // What is not understood whole stays a program.
    for (const char* other :
         {"{hookName: createContainer, path: /bin/nvidia-cdi-hook, args: [h, update-ldcache, "
          "--new]}",
          "{hookName: createContainer, path: /bin/nvidia-cdi-hook, args: [h, something]}",
          "{hookName: createRuntime, path: /bin/nvidia-cdi-hook, args: [h, update-ldcache]}",
          "{hookName: createContainer, path: /bin/nvidia-cdi-hook, args: [h, create-symlinks, "
          "--link, 'a::b']}",
          "{hookName: createContainer, path: /bin/other, args: [h, update-ldcache]}"})
        EXPECT_EQ(hooks_of(other).hooks.size(), 1U) << other;
}

}  // namespace
}  // namespace crank::oci::cdi
