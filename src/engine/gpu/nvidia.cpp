#include "engine/gpu/nvidia.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/gpu/ld_cache.h"
#include "engine/words.h"
#include "sys/file.h"
#include "sys/prefix.h"

namespace crank::engine::gpu {
namespace {

constexpr std::string_view kProc = "/proc/driver/nvidia";

bool is_version(std::string_view word) {
    std::size_t dots = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
        bool dot = word[i] == '.';
        if (!dot && (word[i] < '0' || word[i] > '9')) return false;
        if (dot && (i == 0 || i + 1 == word.size() || word[i + 1] == '.')) return false;
        dots += dot ? 1 : 0;
    }
    return dots >= 1 && dots <= 3;
}

// Directories in which this machine's linker finds libraries, of its own kind of program.
std::vector<std::string> library_dirs(const Host& host) {
    std::vector<std::string> dirs;
    auto add = [&](const std::string& dir) {
        if (std::ranges::find(dirs, dir) == dirs.end()) dirs.push_back(dir);
    };
    auto bytes = sys::read_file(host.at("/etc/ld.so.cache"), kMaxLdCache);
    auto cache = bytes ? parse_ld_cache(*bytes) : Result<LdCache>(LdCache{});
    std::int32_t flags = library_flags(host.architecture());
    if (cache)
        for (const LdEntry& entry : cache->entries)
            if (entry.flags == flags && entry.name.starts_with("lib") &&
                (entry.name.starts_with("libcuda.") || entry.name.starts_with("libnvidia-ml.")))
                add(entry.path.substr(0, entry.path.rfind('/')));
    std::string triple = host.architecture() == "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    add("/usr/lib/" + triple);
    add("/usr/lib/" + triple + "/nvidia/current");
    add("/lib/" + triple);
    add("/usr/lib64");
    add("/usr/lib");
    return dirs;
}

// Links of a directory by what they lead to at last, within it.
std::vector<std::string> names_for(const Host& host, const std::string& dir,
                                   const std::vector<std::string>& files, const std::string& file) {
    std::vector<std::string> names;
    std::string stem = file.substr(0, file.find(".so") + 3);
    for (const std::string& other : files) {
        if (other == file || !other.starts_with(stem)) continue;
        auto info = sys::lstat(host.at(dir + "/" + other));
        if (!info || !info->is_symlink()) continue;
        auto real = sys::real_path(host.at(dir + "/" + other));
        if (real && real->substr(real->rfind('/') + 1) == file) names.push_back(other);
    }
    return names;
}

// A library of an ELF class that is not this machine's would be found by nobody.
bool is_64_bit(const std::string& path) {
    auto header = sys::read_prefix(path, 5);
    constexpr char kElf64 = 2;  // ELFCLASS64
    return header && header->size() == 5 &&
           header->starts_with(
               "\x7f"
               "ELF") &&
           header->back() == kElf64;
}

void find_libraries(const Host& host, NvidiaDriver& driver) {
    std::string suffix = ".so." + driver.version;
    for (const std::string& dir : library_dirs(host)) {
        std::vector<std::string> files = host.list(dir);
        for (const std::string& file : files) {
            if (file.starts_with("libcuda.so.") && !file.ends_with(suffix) &&
                is_version(file.substr(std::string_view("libcuda.so.").size())))
                driver.other_versions.push_back(dir + "/" + file);
            bool known = std::ranges::any_of(driver.libraries, [&](const NvidiaLibrary& library) {
                return library.file == file;
            });
            if (!file.starts_with("lib") || !file.ends_with(suffix) || known) continue;
            std::string path = dir + "/" + file;
            auto info = sys::stat(host.at(path));
            if (!info || !info->is_regular() || !is_64_bit(host.at(path))) continue;
            driver.libraries.push_back({path, file, names_for(host, dir, files, file)});
        }
    }
}

void find_gpus(const Host& host, NvidiaDriver& driver) {
    std::string dir = std::string(kProc) + "/gpus";
    for (const std::string& bus : host.list(dir))
        driver.gpus.push_back(gpu_in(host.read(dir + "/" + bus + "/information"), bus));
    // A sandbox may hide that part of /proc and show the nodes all the same.
    if (driver.gpus.empty())
        for (const std::string& name : host.list("/dev"))
            if (name.starts_with("nvidia"))
                if (auto minor = parse_int(std::string_view(name).substr(6)))
                    driver.gpus.push_back({static_cast<int>(*minor), "", "", "", true});
    std::ranges::sort(driver.gpus, [](const NvidiaGpu& a, const NvidiaGpu& b) {
        return a.bus != b.bus ? a.bus < b.bus : a.minor < b.minor;
    });
    for (NvidiaGpu& gpu : driver.gpus)
        gpu.has_node = host.node_facts("/dev/nvidia" + std::to_string(gpu.minor)).has_value();
}

}  // namespace

std::string version_in(std::string_view text) {
    for (const std::string& line : split(text, '\n')) {
        if (!line.starts_with("NVRM version:")) continue;
        for (const std::string& word : words_of(line))
            if (is_version(word)) return word;
    }
    return "";
}

NvidiaGpu gpu_in(std::string_view text, std::string_view bus) {
    NvidiaGpu gpu;
    gpu.bus = bus;
    for (const std::string& line : split(text, '\n')) {
        std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        std::string_view key = trim(std::string_view(line).substr(0, colon));
        std::string value(trim(std::string_view(line).substr(colon + 1)));
        if (key == "Model") gpu.model = value;
        if (key == "GPU UUID" && value.starts_with("GPU-")) gpu.uuid = value;
        if (key == "Device Minor")
            if (auto minor = parse_int(value); minor && *minor >= 0 && *minor < 1 << 20)
                gpu.minor = static_cast<int>(*minor);
    }
    return gpu;
}

std::string_view capability_of(std::string_view file) {
    struct Part {
        std::string_view stem, capability;
    };
    // By the names that NVIDIA's driver has for its parts ("Installed Components" in its manual).
    constexpr std::array<Part, 28> kParts{{{"libcuda.", "compute"},
                                           {"libcudadebugger.", "compute"},
                                           {"libnvidia-opencl.", "compute"},
                                           {"libnvidia-ptxjitcompiler.", "compute"},
                                           {"libnvidia-fatbinaryloader.", "compute"},
                                           {"libnvidia-compiler.", "compute"},
                                           {"libnvidia-nvvm", "compute"},
                                           {"libnvidia-allocator.", "compute"},
                                           {"libnvidia-gpucomp.", "compute"},
                                           {"libnvidia-pkcs11", "compute"},
                                           {"libnvidia-sandboxutils.", "compute"},
                                           {"libnvidia-tileiras.", "compute"},
                                           {"libnvidia-ml.", "utility"},
                                           {"libnvidia-cfg.", "utility"},
                                           {"libnvidia-nscq.", "utility"},
                                           {"libnvcuvid.", "video"},
                                           {"libnvidia-encode.", "video"},
                                           {"libnvidia-opticalflow.", "video"},
                                           {"libvdpau_nvidia.", "video"},
                                           {"libnvidia-ngx.", "ngx"},
                                           {"libnvidia-egl", "graphics"},
                                           {"libnvidia-gl", "graphics"},
                                           {"libnvidia-tls.", "graphics"},
                                           {"libnvidia-rtcore.", "graphics"},
                                           {"libnvidia-vulkan", "graphics"},
                                           {"libnvoptix.", "graphics"},
                                           {"libGL", "graphics"},
                                           {"libEGL", "graphics"}}};
    for (const Part& part : kParts)
        if (file.starts_with(part.stem)) return part.capability;
    return "";
}

NvidiaDriver find_nvidia(const Host& host) {
    NvidiaDriver driver;
    driver.version = version_in(host.read(std::string(kProc) + "/version"));
    driver.control = host.node_facts("/dev/nvidiactl").has_value();
    driver.uvm = host.node_facts("/dev/nvidia-uvm").has_value();
    if (!driver.loaded()) return driver;
    find_gpus(host, driver);
    find_libraries(host, driver);
    for (const char* path : {"/usr/bin/nvidia-smi", "/usr/bin/nvidia-debugdump",
                             "/usr/bin/nvidia-cuda-mps-control", "/usr/bin/nvidia-cuda-mps-server"})
        if (host.has(path)) driver.programs.emplace_back(path);
    for (const std::string& gpu : host.list(std::string(kProc) + "/capabilities"))
        if (host.has(std::string(kProc) + "/capabilities/" + gpu + "/mig/gi0")) driver.mig = true;
    return driver;
}

}  // namespace crank::engine::gpu
