#include "engine/local/volumes.h"

#include <algorithm>

#include "engine/lifecycle.h"
#include "engine/volume.h"
#include "sys/copy_tree.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/stream.h"

namespace crank::engine::local {
namespace {

constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

bool is_mounted(const RunOptions& options, const std::string& destination) {
    auto same = [&](const auto& mount) { return mount.destination == destination; };
    return std::ranges::any_of(options.binds, same) || std::ranges::any_of(options.tmpfs, same);
}

Result<> add_from(const Paths& paths, const VolumesFrom& from, RunOptions& options) {
    Container other = TRY_IN(find(paths, from.container), "--volumes-from");
    if (other.record.kind == Kind::native)
        return fail(Code::invalid_argument, "--volumes-from " + from.container +
                                                ": it is a native worker, which has no volumes");
    for (const MountRecord& mount : other.record.mounts) {
        if (mount.type == "tmpfs" || is_mounted(options, mount.destination)) continue;
        BindMount bind{.source = mount.type == "volume" ? "" : mount.source,
                       .destination = mount.destination,
                       .read_only = mount.read_only || from.read_only,
                       .map_ids = !mount.own_ids};
        // Whose it was stays the one that it goes with.
        if (mount.type == "volume") bind.volume = VolumeUse{.name = mount.volume};
        options.binds.push_back(std::move(bind));
    }
    return {};
}

// "/data", as VOLUME has left it in the image's configuration; what is no path is no volume.
void add_of_image(const std::string& destination, RunOptions& options) {
    std::string path = clean_path(destination);
    if (!destination.starts_with('/') || path == "/" || is_mounted(options, path)) return;
    options.binds.push_back(
        {.source = {}, .destination = path, .volume = VolumeUse{.name = {}, .labels = {}}});
}

// What the image has at the place, with links in its path as a process in it would follow them.
class ImageTree {
public:
    ImageTree(const Paths& paths, const store::LayerStack& layers)
        : layers_(layers), target_(paths.mount_point()) {}

    Result<> copy(const std::string& path, const std::string& volume, int to) {
        if (!root_) TRY(open());
        Result<sys::UniqueFd> from = sys::open_dir_in_root(root_.get(), path);
        if (from) return sys::copy_tree(from->get(), to);
        if (from.error().code() == Code::not_found) return {};
        if (from.error().error_number() == kNotADirectory)
            return fail(Code::invalid_argument, "the image has a file at " + path +
                                                    ", where volume " + volume +
                                                    " is to be mounted");
        return fail(std::move(from).error());
    }

private:
    static constexpr int kNotADirectory = 20;  // ENOTDIR, on every architecture

    Result<> open() {
        // An overlay that is read-only has two layers at least.
        if (layers_.lower.size() == 1) {
            const std::string& only = layers_.lower.front();
            root_ = TRY(sys::open_dir(only.starts_with('/') ? only : layers_.base + "/" + only));
            return {};
        }
        if (!sys::exists(target_)) TRY(sys::make_dirs(target_, 0700));
        root_ = TRY(sys::open_overlay({.base = layers_.base,
                                       .lower = layers_.lower,
                                       .upper = {},
                                       .work = {},
                                       .target = target_}));
        return {};
    }

    const store::LayerStack& layers_;
    std::string target_;
    sys::UniqueFd root_;
};

// A crash of this command leaves a volume that no container has: `crank volume prune` takes it.
void remove_made(const Paths& paths, const std::string& name, const std::string& container) {
    volumes::leave(paths, name, container);
    (void)volumes::remove(paths, name);
}

// As it is, or as it would be made.
volumes::Volume known(const Paths& paths, const std::string& name) {
    volumes::Volume own{.name = name.empty() ? "ANONYMOUS" : name, .labels = {}};
    return name.empty() ? own : volumes::find(paths, name).value_or(own);
}

Result<std::string> directory_of(const Paths& paths, const volumes::Volume& volume) {
    std::string dir = volumes::data_of(paths, volume);
    if (volume.device.empty() || sys::exists(dir)) return dir;
    return fail(Error(Code::not_found,
                      "volume " + volume.name + " stands for " + dir + ", which is not there")
                    .with_hint("mkdir -p " + dir));
}

}  // namespace

Result<> add_volumes(const Paths& paths, const store::Image& image, RunOptions& options) {
    for (const VolumesFrom& from : options.volumes_from) TRY(add_from(paths, from, options));
    for (const std::string& destination : image.config.config.volumes)
        add_of_image(destination, options);
    return {};
}

void imagine_volumes(const Paths& paths, RunOptions& options) {
    for (BindMount& mount : options.binds)
        if (mount.volume) mount.source = volumes::data_of(paths, known(paths, mount.volume->name));
}

Result<> make_volumes(const Paths& paths, const store::Image& image, const std::string& container,
                      RunOptions& options, Undo& undo) {
    ImageTree tree(paths, image.layers);
    for (BindMount& mount : options.binds) {
        if (!mount.volume) continue;
        VolumeUse& use = *mount.volume;
        volumes::Volume wanted{.name = use.name, .labels = use.labels, .anonymous = false};
        if (use.name.empty()) {
            wanted.name = use.name = TRY(volumes::random_name());
            wanted.anonymous = use.anonymous = true;
            wanted.labels[kAnonymousLabel] = "";
        }
        volumes::Fill fill;
        // What somebody else's directory holds is theirs to say.
        if (use.copy && known(paths, wanted.name).device.empty())
            fill = [&](int data) { return tree.copy(mount.destination, wanted.name, data); };
        TRY_IN(volumes::use(paths, wanted, container, fill), "volume " + wanted.name);
        undo.add([paths, name = wanted.name, container, anonymous = use.anonymous]() -> Result<> {
            if (anonymous)
                remove_made(paths, name, container);
            else
                volumes::leave(paths, name, container);
            return {};
        });
        mount.source = TRY(directory_of(paths, known(paths, wanted.name)));
    }
    return {};
}

}  // namespace crank::engine::local
