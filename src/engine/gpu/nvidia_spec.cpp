// NVIDIA's driver in the words of a CDI file.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/gpu/nvidia.h"

namespace crank::engine::gpu {
namespace {

bool asked(const std::vector<std::string>& capabilities, std::string_view capability) {
    auto has = [&](std::string_view word) {
        return std::ranges::find(capabilities, word) != capabilities.end();
    };
    // Docker's and NVIDIA's, where nobody says more.
    if (capabilities.empty()) return capability == "compute" || capability == "utility";
    if (has("display") && capability == "graphics") return true;
    return has("all") || has(capability);
}

bool wants(const std::vector<std::string>& capabilities, std::string_view file) {
    std::string_view capability = capability_of(file);
    return capability.empty() ? asked(capabilities, "all") : asked(capabilities, capability);
}

std::unexpected<Error> missing(const std::string& what, const std::string& hint) {
    return fail(Error(Code::failed_precondition, what).with_hint(hint));
}

Result<> check_module(const NvidiaDriver& driver) {
    if (!driver.loaded())
        return fail(Error(Code::unsupported,
                          "NVIDIA's driver is not loaded: there is no /proc/driver/nvidia/version")
                        .with_hint("install the driver, or load it: modprobe nvidia; then crank "
                                   "doctor gpu"));
    if (driver.gpus.empty())
        return missing("NVIDIA's driver " + driver.version + " is loaded and sees no GPU",
                       "lspci -d 10de: lists the cards, dmesg has what the driver says of them");
    if (driver.mig)
        return fail(Error(Code::unsupported,
                          "a GPU of this host is split (MIG): which part is which only NVIDIA's "
                          "library says")
                        .with_hint("nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml writes a "
                                   "CDI file, which crank reads"));
    return {};
}

Result<> check_nodes(const NvidiaDriver& driver, const std::vector<std::string>& capabilities) {
    if (!driver.control)
        return missing("the device node /dev/nvidiactl is missing",
                       "nvidia-modprobe makes it, and so does nvidia-smi as root");
    if (asked(capabilities, "compute") && !driver.uvm)
        return missing("the device node /dev/nvidia-uvm is missing, which CUDA needs",
                       "nvidia-modprobe -c 0 -u, or modprobe nvidia-uvm");
    for (const NvidiaGpu& gpu : driver.gpus)
        if (!gpu.has_node)
            return missing("the device node /dev/nvidia" + std::to_string(gpu.minor) +
                               " is missing" + (gpu.model.empty() ? "" : " (" + gpu.model + ")"),
                           "nvidia-modprobe -c " + std::to_string(gpu.minor));
    return {};
}

Result<> check_library(const Host& host, const NvidiaDriver& driver, const char* stem,
                       const char* package) {
    std::string file = std::string(stem) + ".so." + driver.version;
    if (std::ranges::any_of(driver.libraries,
                            [&](const NvidiaLibrary& library) { return library.file == file; }))
        return {};
    if (!driver.other_versions.empty())
        return missing("the loaded driver is " + driver.version +
                           ", and the libraries are of another "
                           "version (" +
                           driver.other_versions.front() +
                           "): the driver was changed since it was loaded",
                       "restart the machine, or stop what uses the GPUs and load the driver again: "
                       "modprobe -r nvidia-uvm nvidia-drm nvidia-modeset nvidia; modprobe nvidia");
    return missing("the driver's library " + file + " is missing" +
                       (host.root().empty() ? "" : " below " + host.root()),
                   std::string("install the driver's part for programs (Debian: ") + package +
                       "), then ldconfig");
}

Result<> check_libraries(const Host& host, const NvidiaDriver& driver,
                         const std::vector<std::string>& capabilities) {
    if (asked(capabilities, "compute")) TRY(check_library(host, driver, "libcuda", "libcuda1"));
    if (asked(capabilities, "utility"))
        TRY(check_library(host, driver, "libnvidia-ml", "libnvidia-ml1"));
    return {};
}

oci::cdi::Mount mount_of(const Host& host, const std::string& host_path,
                         const std::string& container_path) {
    return {
        host.at(host_path), container_path, "bind", {"ro", "nosuid", "nodev", "bind", "rprivate"}};
}

void add_libraries(const Host& host, const NvidiaDriver& driver,
                   const std::vector<std::string>& capabilities, oci::cdi::Edits& edits) {
    std::string dir = std::string(kLibraryDir) + "/";
    for (const NvidiaLibrary& library : driver.libraries) {
        if (!wants(capabilities, library.file)) continue;
        edits.mounts.push_back(mount_of(host, library.host_path, dir + library.file));
        for (const std::string& name : library.names)
            edits.links.push_back({library.file, dir + name});
    }
    edits.library_dirs.emplace_back(kLibraryDir);
    for (const std::string& program : driver.programs) {
        bool compute = program.find("-mps-") != std::string::npos;
        if (asked(capabilities, compute ? "compute" : "utility"))
            edits.mounts.push_back(mount_of(host, program, program));
    }
}

// Nodes of the kernel's graphics for the same card, where pictures are wanted.
void add_drm(const Host& host, const NvidiaGpu& gpu, oci::cdi::Edits& edits) {
    if (gpu.bus.empty()) return;
    for (const std::string& name : host.list("/sys/bus/pci/devices/" + gpu.bus + "/drm"))
        if (name.starts_with("card") || name.starts_with("renderD"))
            if (auto node = node_of(host, "/dev/dri/" + name, edits.additional_gids))
                edits.device_nodes.push_back(std::move(*node));
}

oci::cdi::Edits edits_of(const Host& host, const NvidiaGpu& gpu,
                         const std::vector<std::string>& capabilities) {
    oci::cdi::Edits edits;
    std::string path = "/dev/nvidia" + std::to_string(gpu.minor);
    if (auto node = node_of(host, path, edits.additional_gids))
        edits.device_nodes.push_back(std::move(*node));
    if (asked(capabilities, "graphics")) add_drm(host, gpu, edits);
    return edits;
}

}  // namespace

Result<oci::cdi::Spec> nvidia_spec(const Host& host, const NvidiaDriver& driver,
                                   const std::vector<std::string>& capabilities) {
    TRY(check_module(driver));
    TRY(check_nodes(driver, capabilities));
    TRY(check_libraries(host, driver, capabilities));
    oci::cdi::Spec spec;
    spec.version = oci::cdi::kNewestVersion;
    spec.kind = kNvidiaKind;
    for (const char* path : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"})
        if (auto node = node_of(host, path, spec.edits.additional_gids))
            spec.edits.device_nodes.push_back(std::move(*node));
    if (asked(capabilities, "graphics"))
        if (auto node = node_of(host, "/dev/nvidia-modeset", spec.edits.additional_gids))
            spec.edits.device_nodes.push_back(std::move(*node));
    add_libraries(host, driver, capabilities, spec.edits);
    oci::cdi::Edits all;
    for (std::size_t i = 0; i < driver.gpus.size(); ++i) {
        const NvidiaGpu& gpu = driver.gpus[i];
        oci::cdi::Edits edits = edits_of(host, gpu, capabilities);
        all.append(edits);
        spec.devices.push_back({std::to_string(i), {}, edits});
        if (!gpu.uuid.empty()) spec.devices.push_back({gpu.uuid, {}, edits});
    }
    spec.devices.push_back({"all", {}, std::move(all)});
    return spec;
}

}  // namespace crank::engine::gpu
