#include "engine/gpu/drm.h"

#include <algorithm>

#include "base/text.h"

namespace crank::engine::gpu {
namespace {

constexpr std::string_view kDrm = "/sys/class/drm/";

std::int64_t number_of(std::string_view name) {
    return parse_int(name.substr(name.find_first_of("0123456789"))).value_or(0);
}

Result<oci::cdi::DeviceNode> need_node(const Host& host, const std::string& path,
                                       std::vector<std::uint32_t>& gids) {
    if (auto node = node_of(host, path, gids)) return std::move(*node);
    return fail(Error(Code::failed_precondition, "the device node " + path + " is missing")
                    .with_hint("udevadm trigger --subsystem-match=drm makes the nodes anew"));
}

Result<oci::cdi::Spec> spec_of(const Host& host, std::string_view kind,
                               const std::vector<DrmGpu>& gpus) {
    oci::cdi::Spec spec;
    spec.version = oci::cdi::kNewestVersion;
    spec.kind = kind;
    oci::cdi::Edits all;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        oci::cdi::Edits edits;
        edits.device_nodes.push_back(
            TRY(need_node(host, "/dev/dri/" + gpus[i].render, edits.additional_gids)));
        if (!gpus[i].card.empty())
            if (auto node = node_of(host, "/dev/dri/" + gpus[i].card, edits.additional_gids))
                edits.device_nodes.push_back(std::move(*node));
        all.append(edits);
        spec.devices.push_back({std::to_string(i), {}, std::move(edits)});
    }
    spec.devices.push_back({"all", {}, std::move(all)});
    return spec;
}

std::unexpected<Error> no_gpu(const char* vendor, const char* driver) {
    return fail(Error(Code::unsupported, std::string("no GPU of ") + vendor +
                                             "'s: no /sys/class/drm/renderD* is of that vendor")
                    .with_hint(std::string("load the kernel's driver: modprobe ") + driver));
}

}  // namespace

std::vector<DrmGpu> find_drm(const Host& host, std::string_view vendor) {
    std::vector<DrmGpu> gpus;
    for (const std::string& name : host.list(kDrm)) {
        if (!name.starts_with("renderD") || name.size() == std::string_view("renderD").size())
            continue;
        std::string device = std::string(kDrm) + name + "/device";
        if (trim(host.read(device + "/vendor")) != vendor) continue;
        DrmGpu gpu{name, ""};
        for (const std::string& other : host.list(device + "/drm"))
            if (other.starts_with("card")) gpu.card = other;
        gpus.push_back(std::move(gpu));
    }
    std::ranges::sort(gpus, [](const DrmGpu& a, const DrmGpu& b) {
        return number_of(a.render) < number_of(b.render);
    });
    return gpus;
}

Result<oci::cdi::Spec> amd_spec(const Host& host) {
    std::vector<DrmGpu> gpus = find_drm(host, kAmdVendor);
    if (gpus.empty()) return no_gpu("AMD", "amdgpu");
    auto spec = TRY(spec_of(host, kAmdKind, gpus));
    auto kfd = node_of(host, "/dev/kfd", spec.edits.additional_gids);
    if (!kfd)
        return fail(
            Error(Code::failed_precondition,
                  "the device node /dev/kfd is missing, which ROCm needs")
                .with_hint("the kernel's amdgpu needs CONFIG_HSA_AMD; dmesg | grep kfd says "
                           "why a card is left out"));
    spec.edits.device_nodes.push_back(std::move(*kfd));
    return spec;
}

Result<oci::cdi::Spec> intel_spec(const Host& host) {
    std::vector<DrmGpu> gpus = find_drm(host, kIntelVendor);
    if (gpus.empty()) return no_gpu("Intel", "i915 (or xe)");
    return spec_of(host, kIntelKind, gpus);
}

}  // namespace crank::engine::gpu
