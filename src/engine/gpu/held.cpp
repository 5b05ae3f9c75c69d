#include "engine/gpu/held.h"

#include <algorithm>

#include "sys/file.h"

namespace crank::engine::gpu {
namespace {

bool is_node(const std::string& path) {
    return path.starts_with("/dev/nvidia") || path.starts_with("/dev/dri/") || path == "/dev/kfd";
}

}  // namespace

bool is_held_by(const Host& host, const std::vector<pid_t>& pids) {
    return std::ranges::any_of(pids, [&](pid_t pid) {
        const std::string open = "/proc/" + std::to_string(pid) + "/fd";
        return std::ranges::any_of(host.list(open), [&](const std::string& number) {
            return is_node(sys::read_link(host.at(open + "/" + number)).value_or(""));
        });
    });
}

}  // namespace crank::engine::gpu
