// spec and features.
#include <nlohmann/json.hpp>

#include "cli/oci.h"
#include "cli/output.h"
#include "oci/runtime_spec.h"
#include "policy/policy.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

// A configuration to begin with: a shell on a terminal, few rights, a root of its own.
oci::RuntimeSpec example_spec(const runtime::HostFacts& facts) {
    oci::RuntimeSpec spec;
    spec.hostname = "crank";
    spec.root_path = "rootfs";
    spec.root_readonly = true;
    oci::Process& process = spec.process;
    process.terminal = true;
    process.args = {"sh"};
    process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "TERM=xterm"};
    process.capabilities.bounding = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    process.capabilities.effective = process.capabilities.permitted = process.capabilities.bounding;
    process.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
    spec.mounts = {
        {"/proc", "proc", "proc", {}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts",
         "devpts",
         "devpts",
         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
    };
    for (const char* type : {"pid", "network", "ipc", "uts", "mount"})
        spec.linux.namespaces.push_back({type, ""});
    // On v1 runc's has none, and what edits its example adds one.
    if (facts.cgroup_mode == runtime::CgroupMode::v2)
        spec.linux.namespaces.push_back({"cgroup", ""});
    spec.linux.resources.devices = {{false, "a", {}, {}, "rwm"}};
    for (std::string_view path : policy::masked_paths()) spec.linux.masked_paths.emplace_back(path);
    for (std::string_view path : policy::readonly_paths())
        spec.linux.readonly_paths.emplace_back(path);
    return spec;
}

// For a user without rights: root inside is the caller, and what root alone can have is left out.
oci::RuntimeSpec without_rights(oci::RuntimeSpec spec) {
    spec.linux.uid_mappings = {{0, sys::effective_uid(), 1}};
    spec.linux.gid_mappings = {{0, sys::effective_gid(), 1}};
    std::erase_if(spec.linux.namespaces, [](const oci::Namespace& space) {
        return space.type == "network" || space.type == "user";
    });
    spec.linux.namespaces.push_back({"user", ""});
    spec.linux.resources = {};
    for (oci::Mount& mount : spec.mounts) {
        // The namespace has no group 5.
        std::erase(mount.options, "gid=5");
        // Without a network namespace of its own a sysfs cannot be mounted.
        if (mount.type == "sysfs")
            mount = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}, {}, {}};
    }
    return spec;
}

Result<int> perform_spec(OciCall& call) {
    std::string path = call.arguments.value("bundle", ".") + "/config.json";
    if (sys::exists(path))
        return fail(Error(Code::already_exists, path + " exists").with_hint("rm " + path));
    oci::RuntimeSpec spec = example_spec(TRY(call.facts()));
    if (call.arguments.on("rootless")) spec = without_rights(std::move(spec));
    Json document = Json::parse(oci::serialize(spec));
    constexpr mode_t kMode = 0644;
    TRY(sys::write_file_atomic(path, document.dump(4) + "\n", kMode, sys::Sync::no));
    return 0;
}

Json capability_list() {
    Json names = Json::array();
    for (const std::string& name : policy::capability_names(~policy::CapabilitySet{0}))
        names.push_back(name);
    return names;
}

Json mount_options() {
    return {"async",       "atime",          "bind",        "defaults",
            "dev",         "diratime",       "dirsync",     "exec",
            "idmap",       "lazytime",       "loud",        "noatime",
            "nodev",       "nodiratime",     "noexec",      "nomand",
            "norelatime",  "nostrictatime",  "nosuid",      "nosymfollow",
            "private",     "ratime",         "rbind",       "rdev",
            "rdiratime",   "relatime",       "rexec",       "ridmap",
            "rnoatime",    "rnodev",         "rnodiratime", "rnoexec",
            "rnorelatime", "rnostrictatime", "rnosuid",     "rnosymfollow",
            "ro",          "rprivate",       "rrelatime",   "rro",
            "rrw",         "rshared",        "rslave",      "rstrictatime",
            "rsuid",       "rsymfollow",     "runbindable", "rw",
            "shared",      "silent",         "slave",       "strictatime",
            "suid",        "symfollow",      "sync",        "unbindable"};
}

// runtime-spec features.md.
Json features() {
    Json out;
    out["ociVersionMin"] = "1.0.0";
    out["ociVersionMax"] = "1.3.0";
    out["hooks"] = {"prestart",       "createRuntime", "createContainer",
                    "startContainer", "poststart",     "poststop"};
    out["mountOptions"] = mount_options();
    Json part;
    part["namespaces"] = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
    part["capabilities"] = capability_list();
    part["cgroup"] = {
        {"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", false}, {"rdma", true}};
    part["seccomp"] = {
        {"enabled", true},
        {"actions",
         {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
          "SCMP_ACT_TRAP"}},
        {"operators",
         {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
          "SCMP_CMP_MASKED_EQ"}},
        {"supportedFlags",
         {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
    part["apparmor"] = {{"enabled", false}};
    part["selinux"] = {{"enabled", false}};
    part["intelRdt"] = {{"enabled", false}};
    part["mountExtensions"] = {{"idmap", {{"enabled", true}}}};
    part["netDevices"] = {{"enabled", true}};
    out["linux"] = part;
    out["annotations"] = {{"org.crank.version", CRANK_VERSION}};
    // Whoever passes an image's annotations on must leave these out.
    out["potentiallyUnsafeConfigAnnotations"] = {"run.oci.keep_original_groups"};
    return out;
}

Result<int> perform_features(OciCall&) {
    print_line(features().dump(2));
    return 0;
}

constexpr Flag kSpecFlags[] = {
    {"bundle", 'b', FlagKind::value, "DIR", "the bundle (the current directory)"},
    {"rootless", 0, FlagKind::boolean, "", "for a user without rights: in a user namespace"}};
constexpr std::string_view kSpecExamples[] = {"crank oci spec", "crank oci spec --bundle /tmp/b",
                                              "crank oci spec --rootless"};
constexpr std::string_view kFeaturesExamples[] = {"crank oci features"};

}  // namespace

constinit const OciVerb kOciSpec = {
    .name = "spec",
    .summary = "write a config.json to begin with",
    .syntax = {.flags = kSpecFlags},
    .examples = kSpecExamples,
    .perform = perform_spec,
};
constinit const OciVerb kOciFeatures = {
    .name = "features",
    .summary = "print what this runtime can do, as JSON",
    .syntax = {},
    .examples = kFeaturesExamples,
    .perform = perform_features,
};

}  // namespace crank::cli
