#include "policy/policy.h"

#include "policy/embedded.h"

namespace crank::policy {

CapabilitySet default_capabilities() {
    return kDefaultCapabilities;
}

std::span<const std::string_view> masked_paths() {
    return kMaskedPaths;
}

std::span<const std::string_view> readonly_paths() {
    return kReadonlyPaths;
}

std::vector<std::string> masked_cpu_paths(unsigned possible_cpus) {
    constexpr std::string_view kCpu = "{cpu}";
    std::vector<std::string> paths;
    for (std::string_view pattern : kMaskedCpuPaths) {
        std::size_t at = pattern.find(kCpu);
        for (unsigned cpu = 0; cpu < possible_cpus; ++cpu) {
            std::string path(pattern);
            paths.push_back(path.replace(at, kCpu.size(), std::to_string(cpu)));
        }
    }
    return paths;
}

}  // namespace crank::policy
