// A bundle's config.json, and the documents of `exec --process` and `update --resources`. The first
// byte picks the document and the host. What is read and written once is read and written the same
// again. Where a plan can be made of it, crank-shim takes the plan, and finds in it the program's
// arguments and variables as they were written. Reached are the readers with and without unknown
// fields, the writer, plan() and plan_join() on both versions of cgroups, encode() and the shim's
// plan_is_sound(); not what applies a plan, and no host: its facts are given.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_support.h"
#include "oci/runtime_spec.h"
#include "runtime/encode.h"
#include "runtime/oci/bundle.h"
#include "runtime/plan.h"
#include "shim/plan_check.h"
#include "shim/test_plan_memory.h"

using namespace crank;
using namespace crank::runtime;
using crank::fuzz::require;

namespace {

HostFacts host(bool unified) {
    HostFacts facts;
    facts.cgroup_mode = unified ? CgroupMode::v2 : CgroupMode::v1;
    facts.architecture = "amd64";
    facts.v2_controllers = {"cpu", "memory", "pids"};
    if (unified)
        facts.cgroup_mounts = {{"", "/cg"}};
    else
        facts.cgroup_mounts = {{"cpu", "/cg/cpu"},         {"memory", "/cg/memory"},
                               {"pids", "/cg/pids"},       {"devices", "/cg/devices"},
                               {"freezer", "/cg/freezer"}, {"cpuset", "/cg/cpuset"}};
    return facts;
}

// The strings of a list in an encoded plan.
std::vector<std::string> list_of(const char* base, std::uint32_t offset, std::uint64_t count) {
    std::vector<std::string> out;
    for (const char* text = base + offset; count > 0; --count, text += out.back().size() + 1)
        out.emplace_back(text);
    return out;
}

void check_plan(const Plan& plan, const Encoding& encoding, const oci::Process& process) {
    require(!plan.describe().empty());
    auto bytes = encode(plan, encoding);
    require(bytes.has_value());
    const shim::PlanMemory memory(*bytes);
    const char* base = memory.bytes();
    require(shim::plan_is_sound(base, bytes->size()));
    const shim::Op& last = memory.op(memory.header().op_count - 1);
    require(last.kind == shim::OpKind::exec);
    require(list_of(base, last.s1, last.a) == process.args);
    require(list_of(base, last.s2, last.b) == process.env);
}

void plan_of(const oci::RuntimeSpec& spec, const HostFacts& facts) {
    Given given;
    given.hand_over = true;
    given.start_socket = true;
    given.stdin_read = true;
    Options options;
    options.init = false;
    options.default_seccomp = false;
    auto made = plan(spec, Rootfs{}, options, facts, given);
    if (!made) return;
    Encoding encoding;
    encoding.hand_over = true;
    encoding.listener_count = 2 + made->joined.size();
    encoding.remove_cgroups = made->cgroup_dirs;
    check_plan(*made, encoding, spec.process);
}

void config(std::string_view text, const HostFacts& facts) {
    std::vector<std::string> ignored;
    auto spec = oci::parse_runtime_spec(text, &ignored);
    // Most inputs are no JSON any more: of what is refused even so, an eighth is read again.
    if (!spec && text.size() % 8 != 0) return;
    auto strict = oci::parse_runtime_spec(text);
    require(!strict || spec.has_value());
    if (!spec) return;
    require(strict.has_value() == ignored.empty());
    std::string written = oci::serialize(*spec);
    auto second = oci::parse_runtime_spec(written);
    require(second.has_value() && oci::serialize(*second) == written);
    spec->linux.resources = oci_verbs::without_zeros(std::move(spec->linux.resources));
    plan_of(*spec, facts);
}

void process(std::string_view text, const HostFacts& facts, bool mapped) {
    std::vector<std::string> ignored;
    auto process = oci::parse_process(text, &ignored);
    if (!process) return;
    JoinFacts join{"/crank-oci/a", false, true, true};
    join.user_namespace = mapped;
    if (mapped) join.uid_mappings = join.gid_mappings = {{0, 100000, 65536}};
    auto made = plan_join(*process, std::nullopt, join, facts);
    if (!made) return;
    Encoding encoding;
    encoding.role = shim::Role::join;
    encoding.hand_over = true;
    encoding.listener_count = 2;
    check_plan(*made, encoding, *process);
}

void resources(std::string_view text) {
    std::vector<std::string> ignored;
    auto resources = oci::parse_resources(text, &ignored);
    if (!resources) return;
    oci::RuntimeSpec spec;
    spec.linux.resources = *resources;
    auto second = oci::parse_runtime_spec(oci::serialize(spec));
    require(second.has_value() && oci::serialize(*second) == oci::serialize(spec));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const HostFacts hosts[] = {host(false), host(true)};
    fuzz::Input input(data, size);
    unsigned how = input.byte();
    const HostFacts& facts = hosts[how & 1];
    switch (how / 2 % 4) {
        case 0: process(input.rest(), facts, (how & 8) != 0); break;
        case 1: resources(input.rest()); break;
        default: config(input.rest(), facts);
    }
    return 0;
}
