#include "engine/bottom_layer.h"

#include "engine/names.h"
#include "sys/file.h"
#include "sys/owned_file.h"

namespace crank::engine {
namespace {

// Another content wants another name: containers that run have this one.
constexpr const char* kBottomLayer = "bottom-1";
constexpr const char* kDirectories[] = {"", "/dev", "/etc", "/proc", "/sys"};
constexpr const char* kFiles[] = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};

// The modes are seen inside: not the caller's umask but these.
Result<> fill(const std::string& path) {
    for (const char* name : kDirectories) {
        TRY(sys::make_dir(path + name, 0755));
        TRY(sys::set_mode(TRY(sys::open_dir(path + name)).get(), 0755, path + name));
    }
    for (const char* name : kFiles)
        TRY(sys::write_file_atomic(path + name, "", 0644, sys::Sync::no));
    return {};
}

}  // namespace

std::vector<std::string> layers_below(const store::LayerStack& image, const Settings& settings) {
    std::vector<std::string> layers = image.lower;
    if (!settings.no_hosts && !settings.no_hostname) layers.emplace_back(kBottomLayer);
    return layers;
}

Result<> make_bottom_layer(const Paths& paths, const std::string& id) {
    std::string path = paths.root + "/" + kBottomLayer;
    if (sys::exists(path)) return {};
    // A name of its own: what another command makes meanwhile must stay as it is.
    std::string made =
        paths.container(id) + "/bottom." + TRY(random_id()).substr(0, kShortIdLength);
    Result<> placed = fill(made);
    if (placed) placed = sys::rename_new(made, path);
    if (placed) return {};
    TRY(sys::remove_tree(made));
    return placed.error().code() == Code::already_exists ? Result<>{} : placed;
}

}  // namespace crank::engine
