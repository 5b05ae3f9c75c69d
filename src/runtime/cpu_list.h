// Lists of processors in a configuration: "0-3,7".
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace crank::runtime {

inline constexpr std::size_t kMostCpus = 8192;  // as many as a kernel can be built for
using CpuMask = std::array<std::uint64_t, kMostCpus / 64>;

// invalid_argument, naming the field, where the text is no such list or names no processor.
Result<CpuMask> parse_cpu_list(const std::string& text, const std::string& field);

}  // namespace crank::runtime
