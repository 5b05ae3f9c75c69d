// glibc's /etc/ld.so.cache (elf/dl-cache.h, format "glibc-ld.so.cache1.1"), read and written: so a
// container's linker finds libraries without any program being run. Pure; an image's is hostile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine::gpu {

struct LdEntry {
    std::int32_t flags = 0;  // what kind of library: 0x0303 for x86_64, 0x0a03 for aarch64
    std::uint64_t hwcap = 0;
    std::string name;  // "libcuda.so.1"
    std::string path;  // absolute
    bool operator==(const LdEntry&) const = default;
};

struct LdCache {
    std::vector<LdEntry> entries;
    std::vector<std::string> hwcaps;  // what an entry's hwcap with bit 62 counts into
};

inline constexpr std::size_t kMaxLdCache = std::size_t{16} << 20;

// The flags of an architecture's (GOARCH) libraries; 0: not known.
std::int32_t library_flags(std::string_view architecture);

// Errors: corrupt (no such file, offsets outside it).
Result<LdCache> parse_ld_cache(std::string_view bytes);
// In the order that the linker searches by; `first` stand before what has the same name.
std::string write_ld_cache(const LdCache& cache, const std::vector<LdEntry>& first);

// glibc's order of names: numbers by their value. Negative, 0 or positive.
int compare_names(std::string_view a, std::string_view b);

}  // namespace crank::engine::gpu
