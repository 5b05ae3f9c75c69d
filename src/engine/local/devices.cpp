#include "engine/local/devices.h"

#include <algorithm>

#include "base/text.h"
#include "engine/gpu/libraries.h"
#include "engine/gpu/nvidia.h"
#include "engine/gpu/resolve.h"
#include "engine/local/layer_view.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"

namespace crank::engine::local {
namespace {

constexpr const char* kCache = "/etc/ld.so.cache";

// For a linker that has no cache where one belongs.
void search_by_variable(const std::vector<std::string>& dirs, std::vector<std::string>& env) {
    constexpr std::string_view kName = "LD_LIBRARY_PATH=";
    std::string path = join(dirs, ":");
    for (std::string& entry : env)
        if (entry.starts_with(kName)) {
            entry += (entry.size() == kName.size() ? "" : ":") + path;
            return;
        }
    env.push_back(std::string(kName) + path);
}

Devices::Owner owner_of(const sys::FileInfo& info) {
    return {info.mode & 07777, info.uid, info.gid};
}

std::string conf_text(const std::vector<std::string>& dirs) {
    std::string text = "# for ldconfig in this container; made by crank\n";
    for (const std::string& dir : dirs) text += dir + "\n";
    return text;
}

Result<Devices> find_libraries(const gpu::Resolved& resolved, const store::Image& image,
                               SpecResult& made) {
    Devices devices;
    if (resolved.libraries.empty()) return devices;
    auto etc = TRY(look_in_layers(image.layers, {"etc"}));
    auto conf_dir = TRY(look_in_layers(image.layers, {"etc", "ld.so.conf.d"}));
    if ((etc && !etc->is_dir()) || (conf_dir && !conf_dir->is_dir())) {
        search_by_variable(resolved.edits.library_dirs, made.spec.process.env);
        return devices;
    }
    if (etc) devices.etc = owner_of(*etc);
    if (conf_dir) devices.conf_dir = owner_of(*conf_dir);
    auto cache = read_in_layers(image.layers, kCache, gpu::kMaxLdCache);
    if (!cache && cache.error().code() != Code::not_found)
        made.warnings.push_back("the image's " + std::string(kCache) +
                                " is not used: " + cache.error().text());
    devices.ld_cache = gpu::merged_cache(cache ? *cache : "", resolved.libraries);
    devices.ld_conf = conf_text(resolved.edits.library_dirs);
    return devices;
}

void warn_of_driver(const gpu::Resolved& resolved, const gpu::Host& host, const store::Image& image,
                    SpecResult& made) {
    bool nvidia = std::ranges::any_of(
        resolved.names, [](const std::string& name) { return name.starts_with(gpu::kNvidiaKind); });
    if (!nvidia) return;
    std::string version = gpu::version_in(host.read("/proc/driver/nvidia/version"));
    std::string warning = gpu::warn_of_old_driver(image.config.config.env, version);
    if (!warning.empty()) made.warnings.push_back(std::move(warning));
}

Result<> make_dir(const std::string& path, const Devices::Owner& owner) {
    TRY(sys::make_dir(path, 0700));
    TRY(sys::set_owner_at(sys::kCwd, path, owner.uid, owner.gid));
    return sys::set_mode(TRY(sys::open_dir(path)).get(), owner.mode, path);
}

Result<> write_file(const std::string& path, std::string_view text) {
    constexpr mode_t kReadable = 0644;
    sys::UniqueFd file =
        TRY(sys::open(path, sys::kWriteOnly | sys::kCreate | sys::kExclusive, kReadable));
    TRY(sys::set_mode(file.get(), kReadable, path));
    return sys::write_all(file.get(), text, path);
}

}  // namespace

Result<Devices> add_devices(const StartRequest& request, const runtime::HostFacts& host,
                            const store::Image& image, SpecResult& made) {
    gpu::Wanted wanted{request.options.gpus, request.options.devices};
    if (!wanted.any()) return Devices{};
    gpu::Places places = gpu::places_of(request.config, host.architecture);
    gpu::Resolved resolved = TRY(gpu::resolve(wanted, places));
    TRY(oci::cdi::apply(resolved.edits, made.spec));
    if (!made.spec.hooks.poststop.empty())
        return fail(Code::unsupported, "containerEdits.hooks: poststop hooks (" +
                                           made.spec.hooks.poststop.front().path +
                                           ") are called by crank oci alone");
    warn_of_driver(resolved, places.host, image, made);
    return find_libraries(resolved, image, made);
}

Result<> write_ld_cache(const Devices& devices, const std::string& upper) {
    if (devices.ld_cache.empty()) return {};
    TRY(make_dir(upper + "/etc", devices.etc));
    TRY(write_file(upper + kCache, devices.ld_cache));
    TRY(make_dir(upper + "/etc/ld.so.conf.d", devices.conf_dir));
    return write_file(upper + "/etc/ld.so.conf.d/crank-gpu.conf", devices.ld_conf);
}

}  // namespace crank::engine::local
