// linux.memoryPolicy: where the pages of the container's processes come from.
#include <array>
#include <bitset>

#include "base/text.h"
#include "runtime/builder.h"

namespace crank::runtime {

using shim::OpKind;

namespace {

struct Name {
    std::string_view name;
    std::uint64_t number;
};
// linux/mempolicy.h.
constexpr std::array<Name, 7> kModes{{{"MPOL_DEFAULT", 0},
                                      {"MPOL_PREFERRED", 1},
                                      {"MPOL_BIND", 2},
                                      {"MPOL_INTERLEAVE", 3},
                                      {"MPOL_LOCAL", 4},
                                      {"MPOL_PREFERRED_MANY", 5},
                                      {"MPOL_WEIGHTED_INTERLEAVE", 6}}};
constexpr std::array<Name, 3> kFlags{{{"MPOL_F_STATIC_NODES", 1 << 15},
                                      {"MPOL_F_RELATIVE_NODES", 1 << 14},
                                      {"MPOL_F_NUMA_BALANCING", 1 << 13}}};
constexpr std::size_t kMostNodes = 1024;  // as many as the kernel can be built for
constexpr std::uint64_t kDefault = 0, kLocal = 4;

using Nodes = std::bitset<kMostNodes>;

Result<std::uint64_t> number_of(std::span<const Name> known, const std::string& name,
                                const char* what) {
    for (const auto& entry : known)
        if (entry.name == name) return entry.number;
    std::string names;
    for (const auto& entry : known) names += (names.empty() ? "" : ", ") + std::string(entry.name);
    return fail(Error(Code::invalid_argument, "linux.memoryPolicy: invalid memory policy " +
                                                  std::string(what) + " '" + name + "'")
                    .with_hint("one of " + names));
}

std::unexpected<Error> bad_nodes(const std::string& part) {
    return fail(Code::invalid_argument, "linux.memoryPolicy: invalid memory policy node '" + part +
                                            "': numbers from 0 to " +
                                            std::to_string(kMostNodes - 1) +
                                            " and ranges of them, like 0-3,7");
}

Result<Nodes> read_nodes(const std::string& text) {
    Nodes nodes;
    if (text.empty()) return nodes;
    for (const std::string& part : split(text, ',')) {
        auto ends = split(part, '-');
        auto first = parse_int(ends.front()), last = parse_int(ends.back());
        if (ends.size() > 2 || !first || !last || *first < 0 || *last < *first ||
            *last >= static_cast<std::int64_t>(kMostNodes))
            return bad_nodes(part);
        for (auto i = *first; i <= *last; ++i) nodes.set(static_cast<std::size_t>(i));
    }
    return nodes;
}

std::array<std::uint64_t, kMostNodes / 64> words_of(const Nodes& nodes) {
    std::array<std::uint64_t, kMostNodes / 64> words{};
    for (std::size_t i = 0; i < kMostNodes; ++i)
        if (nodes[i]) words[i / 64] |= std::uint64_t{1} << (i % 64);
    return words;
}

}  // namespace

Result<> plan_memory_policy(Builder& builder, const std::optional<oci::MemoryPolicy>& policy) {
    if (!policy) return {};
    std::uint64_t mode = TRY(number_of(kModes, policy->mode, "mode"));
    bool without_nodes = mode == kDefault || mode == kLocal;
    for (const auto& flag : policy->flags) mode |= TRY(number_of(kFlags, flag, "flag"));
    Nodes nodes = TRY(read_nodes(policy->nodes));
    if (without_nodes && nodes.any())
        return fail(Code::invalid_argument, "linux.memoryPolicy: " + policy->mode +
                                                ": this mode requires 0 nodes but got " +
                                                std::to_string(nodes.count()));
    auto words = words_of(nodes);
    std::uint32_t mask = builder.array(std::span<const std::uint64_t>(words));
    shim::Op& op = builder.add(OpKind::memory_policy, "set the memory policy " + policy->mode);
    op.a = mode;
    op.s1 = mask;
    // One more than it reads: set_mempolicy(2) counts so.
    op.b = nodes.any() ? kMostNodes + 1 : 0;
    return {};
}

}  // namespace crank::runtime
