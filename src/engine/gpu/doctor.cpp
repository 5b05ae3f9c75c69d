// What there is of GPUs, and what stands in their way.
#include "engine/doctor.h"

#include "base/text.h"
#include "engine/gpu/drm.h"
#include "engine/gpu/libraries.h"
#include "engine/gpu/nvidia.h"
#include "engine/gpu/resolve.h"

namespace crank::engine {
namespace {

using gpu::NvidiaDriver;

Check from_error(std::string name, const Error& error, std::string why) {
    return {std::move(name), Health::missing, error.text(), std::move(why), error.hint()};
}

std::vector<Check> check_files(const oci::cdi::Registry& registry,
                               const std::vector<std::string>& dirs) {
    std::vector<Check> checks;
    std::string why =
        "a vendor's own word on what its devices need; it comes before crank's look "
        "at the driver";
    for (const auto& spec : registry.specs()) {
        std::string names;
        for (const auto& device : spec.devices) names += (names.empty() ? "" : ", ") + device.name;
        Check check{"CDI file", Health::ok, spec.path + ": " + spec.kind + " (" + names + ")", why,
                    ""};
        for (const auto& device : spec.devices)
            if (auto found = registry.find({spec.kind, device.name}); !found) {
                check.health = Health::warning;
                check.found = found.error().text();
                check.remedy = found.error().hint();
            }
        checks.push_back(std::move(check));
    }
    for (const auto& broken : registry.broken())
        checks.push_back({"CDI file", Health::warning, broken.why, why,
                          "correct " + broken.path + ", or write it anew"});
    if (checks.empty())
        checks.push_back({"CDI files", Health::ok, "none in " + join(dirs, ", "),
                          "without one crank looks at the driver itself, at every start", ""});
    return checks;
}

std::string cards_of(const NvidiaDriver& driver) {
    std::string text;
    for (std::size_t i = 0; i < driver.gpus.size(); ++i) {
        const auto& card = driver.gpus[i];
        text += (i == 0 ? "" : "; ") + std::to_string(i) + ": " +
                (card.model.empty() ? "/dev/nvidia" + std::to_string(card.minor) : card.model) +
                (card.uuid.empty() ? "" : " " + card.uuid);
    }
    return text;
}

std::vector<Check> check_nvidia(const gpu::Host& host, bool& any) {
    std::vector<Check> checks;
    NvidiaDriver driver = gpu::find_nvidia(host);
    if (!driver.loaded()) {
        if (driver.control)
            checks.push_back({"NVIDIA", Health::warning,
                              "there is /dev/nvidiactl, and no /proc/driver/nvidia/version",
                              "GPUs of NVIDIA's", "modprobe nvidia"});
        return checks;
    }
    any = true;
    std::string cuda(gpu::cuda_of_driver(driver.version));
    checks.push_back({"NVIDIA driver", Health::ok,
                      driver.version + (cuda.empty() ? "" : ", CUDA " + cuda), "GPUs of NVIDIA's",
                      ""});
    if (!driver.gpus.empty())
        checks.push_back(
            {"NVIDIA GPUs", Health::ok, cards_of(driver), "--gpus device=NUMBER or UUID", ""});
    auto spec = gpu::nvidia_spec(host, driver, {});
    std::string why = "device nodes and libraries that CUDA and nvidia-smi need";
    if (!spec)
        checks.push_back(from_error("NVIDIA files", spec.error(), why));
    else
        checks.push_back({"NVIDIA files", Health::ok,
                          std::to_string(driver.libraries.size()) + " libraries of " +
                              driver.version + ", " + std::to_string(driver.programs.size()) +
                              " programs",
                          why, ""});
    return checks;
}

void check_vendor(const char* vendor, const Result<oci::cdi::Spec>& spec,
                  std::vector<Check>& checks, bool& any) {
    if (!spec && spec.error().code() == Code::unsupported) return;
    any = true;
    std::string name = std::string(vendor) + " GPUs", why = "the image's own libraries use them";
    if (!spec)
        checks.push_back(from_error(name, spec.error(), why));
    else
        checks.push_back({name, Health::ok, std::to_string(spec->devices.size() - 1), why, ""});
}

}  // namespace

std::vector<Check> check_gpus(const Config& config, const runtime::HostFacts& host) {
    gpu::Places places = gpu::places_of(config, host.architecture);
    std::vector<Check> checks = check_files(gpu::read_cdi(places.cdi_dirs), places.cdi_dirs);
    bool any = false;
    for (Check& check : check_nvidia(places.host, any)) checks.push_back(std::move(check));
    check_vendor("AMD", gpu::amd_spec(places.host), checks, any);
    check_vendor("Intel", gpu::intel_spec(places.host), checks, any);
    std::string why = "what a worker is given";
    auto all = gpu::resolve({"all", {}}, places);
    if (!all && !any)
        checks.push_back({"--gpus all", Health::missing,
                          "no GPU on this host: neither /proc/driver/nvidia/version, nor a render "
                          "node of AMD's or Intel's in /sys/class/drm, nor a CDI file of a GPU",
                          why, "install the driver of the card, then crank doctor gpu"});
    else if (!all)
        checks.push_back(from_error("--gpus all", all.error(), why));
    else
        checks.push_back({"--gpus all", Health::ok,
                          join(all->names, ", ") + ": " +
                              std::to_string(all->edits.device_nodes.size()) + " device nodes, " +
                              std::to_string(all->edits.mounts.size()) + " files, " +
                              std::to_string(all->edits.hooks.size()) + " hooks",
                          why, ""});
    return checks;
}

}  // namespace crank::engine
