// NVIDIA's driver as it is loaded now: its GPUs, its device nodes, its libraries.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/gpu/host.h"
#include "oci/cdi.h"

namespace crank::engine::gpu {

inline constexpr std::string_view kNvidiaKind = "nvidia.com/gpu";
// Where the driver's libraries lie in a container: a directory of their own, so that nothing of the
// image's is covered.
inline constexpr std::string_view kLibraryDir = "/usr/lib/crank-gpu";

struct NvidiaGpu {
    int minor = 0;            // of /dev/nvidiaN
    std::string uuid, model;  // empty: the driver does not say
    std::string bus;          // "0000:3b:00.0"
    bool has_node = false;
};

struct NvidiaLibrary {
    std::string host_path;           // as the driver's root sees it
    std::string file;                // "libcuda.so.550.54.14"
    std::vector<std::string> names;  // other names of it there: "libcuda.so.1", "libcuda.so"
};

struct NvidiaDriver {
    std::string version;                      // of the loaded module; empty: it is not loaded
    std::vector<NvidiaGpu> gpus;              // in the order of the bus, as nvidia-smi counts them
    std::vector<NvidiaLibrary> libraries;     // of that version
    std::vector<std::string> other_versions;  // of libcuda: the module and the files do not match
    std::vector<std::string> programs;        // "/usr/bin/nvidia-smi"
    bool control = false, uvm = false;        // /dev/nvidiactl, /dev/nvidia-uvm
    bool mig = false;                         // a GPU is split

    bool loaded() const { return !version.empty(); }
};

// Pure parts.
// /proc/driver/nvidia/version; empty: no version in it.
std::string version_in(std::string_view text);
// /proc/driver/nvidia/gpus/BUS/information.
NvidiaGpu gpu_in(std::string_view text, std::string_view bus);
// What the driver's libraries are for: "compute", "utility", ...; empty: everything.
std::string_view capability_of(std::string_view file);

NvidiaDriver find_nvidia(const Host& host);

// As a CDI file would say it: devices "0", "1", ..., by UUID, and "all". Errors: unsupported and
// failed_precondition, naming what is missing and what to do.
Result<oci::cdi::Spec> nvidia_spec(const Host& host, const NvidiaDriver& driver,
                                   const std::vector<std::string>& capabilities);

}  // namespace crank::engine::gpu
