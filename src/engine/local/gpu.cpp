#include "engine/local/gpu.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

constexpr const char* kControl = "/dev/nvidiactl";
constexpr const char* kDriver = "/proc/driver/nvidia/version";
// Beside the control device, where the driver has made them.
constexpr const char* kCompanions[] = {"/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
                                       "/dev/nvidia-modeset"};

Result<oci::Device> device_at(const std::string& path) {
    sys::FileInfo info = TRY(sys::stat(path));
    return oci::Device{.path = path,
                       .type = "c",
                       .major = info.rdev_major,
                       .minor = info.rdev_minor,
                       .file_mode = 0666,
                       .uid = 0,
                       .gid = 0};
}

// The numbers of /dev/nvidia0, /dev/nvidia1, ..., ascending.
Result<std::vector<std::int64_t>> gpus_of_host() {
    std::vector<std::int64_t> numbers;
    constexpr std::string_view kPrefix = "nvidia";
    for (const std::string& name : TRY(sys::list_dir("/dev")))
        if (name.starts_with(kPrefix))
            if (auto number = parse_int(std::string_view(name).substr(kPrefix.size())))
                numbers.push_back(*number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

Error no_driver() {
    return Error(Code::unsupported,
                 "--gpus: this host has no GPU that crank can pass on: no NVIDIA driver was found "
                 "(looked for /dev/nvidiactl, /dev/nvidia0 and /proc/driver/nvidia/version)")
        .with_hint(
            "install the driver, or run the worker without --gpus, or outside a container: "
            "crank run --native -- COMMAND");
}

Result<std::vector<std::int64_t>> chosen(std::string_view wanted,
                                         const std::vector<std::int64_t>& present) {
    std::string shape = "--gpus \"" + std::string(wanted) + "\": ";
    if (wanted == "all") return present;
    if (auto count = parse_int(wanted)) {
        if (*count == -1) return present;
        if (*count < 1) return fail(Code::invalid_argument, shape + "at least 1");
        if (static_cast<std::size_t>(*count) > present.size())
            return fail(Code::not_found, shape + "this host has " + std::to_string(present.size()));
        return std::vector(present.begin(), present.begin() + *count);
    }
    // Docker's quoting: '"device=0,2"'.
    while (wanted.starts_with('"')) wanted.remove_prefix(1);
    while (wanted.ends_with('"')) wanted.remove_suffix(1);
    if (!wanted.starts_with("device="))
        return fail(Code::invalid_argument, shape + "wanted all, a number or device=0,2");
    std::vector<std::int64_t> numbers;
    for (const std::string& word : split(wanted.substr(7), ',')) {
        auto number = parse_int(word);
        if (!number || std::find(present.begin(), present.end(), *number) == present.end())
            return fail(Code::not_found, shape + "no GPU " + word + " on this host");
        numbers.push_back(*number);
    }
    return numbers;
}

}  // namespace

Result<std::vector<oci::Device>> gpu_devices(std::string_view wanted) {
    std::vector<oci::Device> devices;
    if (wanted.empty()) return devices;
    if (!sys::exists(kControl) || !sys::exists(kDriver)) return fail(no_driver());
    std::vector<std::int64_t> present = TRY(gpus_of_host());
    if (present.empty()) return fail(no_driver());
    devices.push_back(TRY(device_at(kControl)));
    for (const char* path : kCompanions)
        if (sys::exists(path)) devices.push_back(TRY(device_at(path)));
    for (std::int64_t number : TRY(chosen(wanted, present)))
        devices.push_back(TRY(device_at("/dev/nvidia" + std::to_string(number))));
    return devices;
}

}  // namespace crank::engine::local
