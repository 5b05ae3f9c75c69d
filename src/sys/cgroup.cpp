#include "sys/cgroup.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/file.h"

namespace crank::sys {

Result<> remove_cgroup_dir(const std::string& dir) {
    if (::rmdir(dir.c_str()) == 0 || errno == ENOENT) return {};
    return fail_errno("remove cgroup " + dir);
}

namespace {

bpf_insn instruction(std::uint8_t code, int dst, int src, std::int16_t offset, std::int32_t value) {
    bpf_insn insn{};
    insn.code = code;
    insn.dst_reg = static_cast<std::uint8_t>(dst & 15);
    insn.src_reg = static_cast<std::uint8_t>(src & 15);
    insn.off = offset;
    insn.imm = value;
    return insn;
}

// r2 = device type, r3 = access wanted, r4 = major, r5 = minor (bpf_cgroup_dev_ctx).
void load_context(std::vector<bpf_insn>& out) {
    constexpr std::uint8_t kLoad = BPF_LDX | BPF_W | BPF_MEM;
    out.push_back(instruction(kLoad, 2, 1, 0, 0));
    out.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0));
    out.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff));
    out.push_back(instruction(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16));
    out.push_back(instruction(kLoad, 4, 1, 4, 0));
    out.push_back(instruction(kLoad, 5, 1, 8, 0));
}

std::int32_t access_bits(const std::string& access) {
    if (access.empty()) return BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
    std::int32_t bits = 0;
    if (access.find('m') != std::string::npos) bits |= BPF_DEVCG_ACC_MKNOD;
    if (access.find('r') != std::string::npos) bits |= BPF_DEVCG_ACC_READ;
    if (access.find('w') != std::string::npos) bits |= BPF_DEVCG_ACC_WRITE;
    return bits;
}

void add_rule(std::vector<bpf_insn>& out, const DeviceRule& rule) {
    std::vector<bpf_insn> tests;
    tests.reserve(8);  // six at most; g++ 12 otherwise warns of a growth that never happens
    auto unless = [&](int reg, std::int32_t value) {
        tests.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value));
    };
    if (rule.type != 'a') unless(2, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (std::int32_t bits = access_bits(rule.access); bits != access_bits("")) {
        // Every kind of access that is wanted must be in the rule.
        tests.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0));
        tests.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, bits));
        tests.push_back(instruction(BPF_JMP | BPF_JNE | BPF_X, 1, 3, 0, 0));
    }
    if (rule.type != 'a' && rule.major >= 0) unless(4, static_cast<std::int32_t>(rule.major));
    if (rule.type != 'a' && rule.minor >= 0) unless(5, static_cast<std::int32_t>(rule.minor));
    // A failed test jumps behind the verdict, which is two instructions long.
    for (std::size_t i = 0; i < tests.size(); ++i)
        if (BPF_CLASS(tests[i].code) == BPF_JMP)
            tests[i].off = static_cast<std::int16_t>(tests.size() - i - 1 + 2);
    out.insert(out.end(), tests.begin(), tests.end());
    out.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, rule.allow ? 1 : 0));
    out.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

}  // namespace

Result<> attach_device_program(const std::string& cgroup_dir,
                               const std::vector<DeviceRule>& rules) {
    std::vector<bpf_insn> program;
    load_context(program);
    // The last match wins: ask in reverse and stop at the first.
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        add_rule(program, *rule);
        if (rule->type == 'a') break;
    }
    if (rules.empty() || rules.front().type != 'a') add_rule(program, {false, 'a', -1, -1, ""});

    bpf_attr load{};
    static constexpr char kLicense[] = "Apache-2.0";
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uint64_t>(program.data());
    load.insn_cnt = static_cast<std::uint32_t>(program.size());
    load.license = reinterpret_cast<std::uint64_t>(kLicense);
    UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
    if (!loaded) return fail_errno("load the device program of " + cgroup_dir);
    UniqueFd group = TRY(open(cgroup_dir, O_RDONLY | O_DIRECTORY));
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(group.get());
    attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0)
        return fail_errno("attach the device program to " + cgroup_dir);
    return {};
}

}  // namespace crank::sys
