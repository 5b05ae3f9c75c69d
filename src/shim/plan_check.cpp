#include "shim/plan_check.h"

#include <string.h>

#include "shim/wire.h"

namespace crank::shim {
namespace {

constexpr uint32_t kMostSlots = 1 << 20;  // the kernel's limit of open files (fs.nr_open)

struct Memory {
    const char* base;
    size_t size;

    // The last byte is a NUL: whatever begins inside ends inside.
    bool has_text(uint64_t offset) const { return offset < size; }
    bool has_optional(uint32_t offset) const { return offset == 0 || has_text(offset); }
    bool has_list(uint64_t offset, uint64_t count) const {
        for (; count > 0; --count) {
            if (!has_text(offset)) return false;
            offset += strlen(base + offset) + 1;
        }
        return true;
    }
    bool has_array(uint64_t offset, uint64_t count, size_t element) const {
        return offset % 4 == 0 && offset <= size && count <= (size - offset) / element;
    }
};

bool op_is_sound(const Memory& memory, const Op& op) {
    constexpr size_t kGroup = 4, kInstruction = 8, kScheduler = 48, kWord = 8;  // bytes
    constexpr uint64_t kMostNodes = 1 << 16;  // far more than a kernel knows
    constexpr uint64_t kMostPorts = 1 << 16, kMostPaths = 1 << 16;
    constexpr uint64_t kMostInstructions = 0xffff;  // sock_fprog's length
    const uint32_t texts[] = {op.s1, op.s2, op.s3, op.s4};
    for (uint32_t offset : texts)
        if (!memory.has_text(offset)) return false;
    switch (op.kind) {
        case OpKind::user: return memory.has_array(op.s1, op.c, kGroup);
        case OpKind::seccomp:
            return op.a <= kMostInstructions && memory.has_array(op.s1, op.a, kInstruction);
        case OpKind::scheduler: return memory.has_array(op.s1, 1, kScheduler);
        case OpKind::cpu_affinity: return memory.has_array(op.s1, op.a, 1);
        case OpKind::landlock:
            return op.a <= kMostPorts && memory.has_array(op.s1, op.a, kGroup) &&
                   op.b <= kMostPaths && memory.has_list(op.s2, op.b);
        case OpKind::mount_fs: return memory.has_list(op.s1, 2);
        case OpKind::memory_policy:  // one bit is counted and not read
            return op.b <= kMostNodes && memory.has_array(op.s1, (op.b + 62) / 64, kWord);
        case OpKind::exec:
        case OpKind::find_program:
            // Where the configuration has no process, there is nothing to look for, and `exec`
            // fails.
            return (op.a > 0 || op.kind == OpKind::exec) && op.c <= kMostSlots &&
                   (op.c == 0 || memory.has_text(op.s4 + (op.c + 63) / 64 * kWord)) &&
                   memory.has_list(op.s1, op.a) && memory.has_list(op.s2, op.b);
        default: return true;
    }
}

bool other_is_sound(const Memory& memory, const Header& header) {
    const OtherRuntime& other = header.other;
    return memory.has_optional(other.pid_file) && other.start_words <= kMaxOtherWords &&
           other.kill_words <= kMaxOtherWords && other.remove_words <= kMaxOtherWords &&
           memory.has_list(other.start, other.start_words) &&
           memory.has_list(other.kill, other.kill_words) &&
           memory.has_list(other.remove, other.remove_words) &&
           other.console_slot < static_cast<int32_t>(header.slot_count);
}

bool header_is_sound(const Memory& memory, const Header& header) {
    if (header.magic != kMagic || header.size != memory.size) return false;
    if (header.role != Role::monitor && header.role != Role::join) return false;
    if (header.ops < sizeof(Header) || header.ops % 8 != 0 || header.op_count == 0) return false;
    if (header.ops + uint64_t{header.op_count} * sizeof(Op) > memory.size) return false;
    // The child's own ops come behind both.
    if (uint64_t{header.before_clone} + header.between > header.op_count ||
        header.slot_count > kMostSlots)
        return false;
    if (header.after_exit_count > kMaxAfterExit || header.port_count > kMaxPorts) return false;
    if (header.resolver.server_count > kMaxNameServers) return false;
    for (uint32_t i = 0; i < header.after_exit_count; ++i)
        if (!memory.has_text(header.after_exit[i].path)) return false;
    return memory.has_optional(header.state_dir) && memory.has_optional(header.log_path) &&
           memory.has_optional(header.cgroup) && header.fact_count <= kMaxFacts &&
           memory.has_list(header.facts, uint64_t{3} * header.fact_count) &&
           memory.has_list(header.monitor_cgroups, header.monitor_cgroup_count) &&
           header.restart_words <= kMaxRestartWords &&
           memory.has_list(header.restart_command, header.restart_words) &&
           header.health_words <= kMaxHealthWords &&
           memory.has_list(header.health_command, header.health_words) &&
           other_is_sound(memory, header);
}

}  // namespace

bool plan_is_sound(const void* memory, size_t size) {
    Memory bytes{static_cast<const char*>(memory), size};
    if (size < sizeof(Header) || bytes.base[size - 1] != 0) return false;
    const auto& header = *static_cast<const Header*>(memory);
    if (!header_is_sound(bytes, header)) return false;
    const auto* ops = reinterpret_cast<const Op*>(bytes.base + header.ops);
    for (uint32_t i = 0; i < header.op_count; ++i)
        if (!op_is_sound(bytes, ops[i])) return false;
    return true;
}

}  // namespace crank::shim
