#include "runtime/cpu_list.h"

#include "base/text.h"

namespace crank::runtime {

Result<CpuMask> parse_cpu_list(const std::string& text, const std::string& field) {
    CpuMask mask{};
    for (const std::string& part : split(text, ',')) {
        auto ends = split(part, '-');
        auto first = parse_int(trim(ends.front())), last = parse_int(trim(ends.back()));
        if (ends.size() > 2 || !first || !last || *first < 0 || *last < *first ||
            *last >= static_cast<std::int64_t>(kMostCpus))
            return fail(Code::invalid_argument,
                        field + ": '" + text + "' is no list of processors: numbers from 0 to " +
                            std::to_string(kMostCpus - 1) + " and ranges of them, like 0-3,7");
        for (auto i = static_cast<std::size_t>(*first); i <= static_cast<std::size_t>(*last); ++i)
            mask[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    return mask;
}

}  // namespace crank::runtime
