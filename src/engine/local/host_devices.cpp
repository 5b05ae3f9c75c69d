#include "engine/local/host_devices.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

constexpr int kMostDepth = 8;
constexpr std::size_t kMostDevices = 4096;

// The container has its own, or the runtime makes them.
bool is_own(std::string_view path) {
    constexpr std::array<std::string_view, 13> kOwn = {
        "/dev/pts",  "/dev/shm",  "/dev/mqueue", "/dev/console", "/dev/ptmx",
        "/dev/null", "/dev/zero", "/dev/full",   "/dev/random",  "/dev/urandom",
        "/dev/tty",  "/dev/.lxc", "/dev/fd"};
    return std::ranges::find(kOwn, path) != kOwn.end();
}

oci::Device device_of(const std::string& path, const sys::Attributes& info) {
    return {.path = path,
            .type = info.is_block_device() ? "b" : "c",
            .major = info.major,
            .minor = info.minor,
            .file_mode = info.mode & 07777U,
            .uid = info.uid,
            .gid = info.gid};
}

// What vanishes meanwhile was unplugged.
Result<> add_below(const std::string& dir, int depth, std::vector<oci::Device>& devices) {
    Result<sys::UniqueFd> fd = sys::open_dir(dir);
    if (!fd) return {};
    for (const std::string& name : TRY(sys::list_at(fd->get()))) {
        std::string path = dir + "/" + name;
        Result<sys::Attributes> info = sys::attributes_at(fd->get(), name);
        if (!info || is_own(path)) continue;
        if (info->is_dir()) {
            if (depth < kMostDepth) TRY(add_below(path, depth + 1, devices));
        } else if (info->is_char_device() || info->is_block_device()) {
            if (devices.size() == kMostDevices)
                return fail(Code::exhausted, "--privileged: /dev has more than 4096 devices");
            devices.push_back(device_of(path, *info));
        }
    }
    return {};
}

}  // namespace

Result<> add_host_devices(oci::RuntimeSpec& spec) {
    TRY(add_below("/dev", 0, spec.linux.devices));
    spec.linux.device_rules_complete = true;
    return {};
}

}  // namespace crank::engine::local
