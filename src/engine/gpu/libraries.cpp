#include "engine/gpu/libraries.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "sys/file.h"

namespace crank::engine::gpu {
namespace {

std::string dir_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_library(const std::string& name) {
    return name.starts_with("lib") && name.find(".so") != std::string::npos;
}

// Links beside it that lead to it.
std::vector<std::string> other_names(const std::string& path) {
    std::vector<std::string> names;
    auto real = sys::real_path(path);
    auto files = sys::list_dir(dir_of(path));
    if (!real || !files) return names;
    std::string name = name_of(path), stem = name.substr(0, name.find(".so") + 3);
    for (const std::string& other : *files) {
        if (other == name || !other.starts_with(stem)) continue;
        std::string link = dir_of(path) + "/" + other;
        auto info = sys::lstat(link);
        if (!info || !info->is_symlink()) continue;
        auto target = sys::real_path(link);
        if (target && *target == *real) names.push_back(other);
    }
    return names;
}

struct Version {
    int major = 0, minor = 0;
    auto operator<=>(const Version&) const = default;
};
Version version_of(std::string_view text) {
    Version version;
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data(), end, version.major);
    if (error == std::errc() && rest != end && *rest == '.')
        std::from_chars(rest + 1, end, version.minor);
    return version;
}

}  // namespace

std::vector<LdEntry> entries_of(const oci::cdi::Edits& edits, const Host& host) {
    std::vector<LdEntry> entries;
    auto add = [&](const std::string& name, const std::string& path) {
        bool known =
            std::ranges::any_of(entries, [&](const LdEntry& entry) { return entry.name == name; });
        if (!known && is_library(name))
            entries.push_back({library_flags(host.architecture()), 0, name, path});
    };
    auto in_dirs = [&](const std::string& path) {
        return std::ranges::find(edits.library_dirs, dir_of(path)) != edits.library_dirs.end();
    };
    for (const auto& mount : edits.mounts) {
        if (!in_dirs(mount.container_path) || !is_library(name_of(mount.container_path))) continue;
        add(name_of(mount.container_path), mount.container_path);
        for (const std::string& name : other_names(mount.host_path))
            add(name, mount.container_path);
    }
    for (const auto& link : edits.links)
        if (in_dirs(link.path)) add(name_of(link.path), link.path);
    return entries;
}

std::string merged_cache(std::string_view of_image, const std::vector<LdEntry>& libraries) {
    auto cache = of_image.empty() ? Result<LdCache>(LdCache{}) : parse_ld_cache(of_image);
    return write_ld_cache(cache ? *cache : LdCache{}, libraries);
}

std::string_view cuda_of_driver(std::string_view version) {
    struct Row {
        int branch;
        std::string_view cuda;
    };
    // NVIDIA's CUDA Toolkit release notes, table "CUDA Toolkit and Corresponding Driver Versions".
    constexpr std::array<Row, 20> kRows{
        {{580, "13.0"}, {575, "12.9"}, {570, "12.8"}, {565, "12.7"}, {560, "12.6"},
         {555, "12.5"}, {550, "12.4"}, {545, "12.3"}, {535, "12.2"}, {530, "12.1"},
         {525, "12.0"}, {520, "11.8"}, {515, "11.7"}, {510, "11.6"}, {495, "11.5"},
         {470, "11.4"}, {465, "11.3"}, {460, "11.2"}, {455, "11.1"}, {450, "11.0"}}};
    int branch = version_of(version).major;
    for (const Row& row : kRows)
        if (branch >= row.branch) return row.cuda;
    return branch == 0 ? "" : "10.2";
}

std::string warn_of_old_driver(const std::vector<std::string>& image_env,
                               std::string_view driver_version) {
    constexpr std::string_view kName = "NVIDIA_REQUIRE_CUDA=", kCuda = "cuda>=";
    std::string_view has = cuda_of_driver(driver_version);
    // Newer than every row: what it has is not known to be too little.
    constexpr int kNewestBranch = 580;
    if (has.empty() || version_of(driver_version).major > kNewestBranch) return "";
    for (const std::string& entry : image_env) {
        if (!entry.starts_with(kName)) continue;
        std::string first = split(std::string_view(entry).substr(kName.size()), ' ').front();
        first = split(first, ',').front();
        if (!first.starts_with(kCuda)) continue;
        Version wanted = version_of(std::string_view(first).substr(kCuda.size()));
        if (wanted.major <= version_of(has).major || wanted.major > 99) return "";
        return "the image wants CUDA " + std::to_string(wanted.major) + "." +
               std::to_string(wanted.minor) + " (NVIDIA_REQUIRE_CUDA), and the driver " +
               std::string(driver_version) + " has " + std::string(has) +
               ": a newer driver, or an image for CUDA " + std::string(has) + ", is needed";
    }
    return "";
}

}  // namespace crank::engine::gpu
