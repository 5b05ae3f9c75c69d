#include "engine/files/container_root.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/bottom_layer.h"
#include "engine/names.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/foreign_root.h"
#include "sys/overlay.h"
#include "sys/stream.h"

namespace crank::engine::files {
namespace {

constexpr std::uint32_t kNobody = 65534;

std::string shown(const Container& container) {
    return container.record.name.empty() ? container.record.id.substr(0, kShortIdLength)
                                         : container.record.name;
}

sys::IdMaps every_id() {
    constexpr std::uint32_t kAll = 4294967295U;
    return {.uids = {{0, 0, kAll}}, .gids = {{0, 0, kAll}}};
}

// Of this process's own namespace the maps say what lies outside of it, and here is inside.
Result<sys::IdMaps> ids_of(pid_t pid) {
    if (!TRY(sys::is_in_other_namespace(pid, "user"))) return every_id();
    return sys::maps_of_process(pid);
}

Result<std::uint32_t> outside(std::span<const sys::IdRange> ranges, std::int64_t inside) {
    for (const sys::IdRange& range : ranges)
        if (inside >= range.inside && inside < std::int64_t{range.inside} + range.count)
            return static_cast<std::uint32_t>(inside - range.inside + range.outside);
    return fail(Code::invalid_argument,
                "id " + std::to_string(inside) + " does not exist in the container");
}

std::int64_t inside(std::span<const sys::IdRange> ranges, std::uint32_t outside) {
    for (const sys::IdRange& range : ranges)
        if (outside >= range.outside && outside - range.outside < range.count)
            return std::int64_t{range.inside} + (outside - range.outside);
    return kNobody;
}

Result<> check(const Paths& paths, const Container& container) {
    if (container.record.kind == Kind::native)
        return fail(Error(Code::unsupported, shown(container) +
                                                 " is a native worker: its files are this "
                                                 "machine's")
                        .with_hint("cp, tar"));
    if (!has_processes(container) && is_being_started(paths, container.record.id))
        return fail(
            Error(Code::failed_precondition, "container " + shown(container) + " is being started")
                .with_hint("try again in a moment"));
    return {};
}

Result<store::LayerStack> layers_of(const Paths& paths, const Container& container) {
    store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_only));
    Result<store::Image> image = store.find(container.record.image_id);
    if (!image && image.error().code() == Code::not_found)
        return fail(Error(Code::not_found, "the image of container " + shown(container) + " (" +
                                               container.record.image + ") is gone")
                        .with_hint("its own changes are below " +
                                   paths.container(container.record.id) + "/upper"));
    return TRY(std::move(image)).layers;
}

// What lies below a container's own layer.
Result<store::LayerStack> layers_of_root(const Paths& paths, const Container& container) {
    store::LayerStack layers = TRY(layers_of(paths, container));
    TRY(make_bottom_layer(paths, container.record.id));
    layers.lower = layers_below(layers, container.record.settings);
    return layers;
}

// After the descriptor was opened: the number may have gone to another process meanwhile.
Result<> check_still_there(const Container& container) {
    if (runtime::is_alive(container.state.pid, container.state.start_time)) return {};
    return fail(
        Error(Code::failed_precondition, "container " + shown(container) + " has just ended")
            .with_hint("try again"));
}

// Those that --userns maps otherwise than the host have no meaning without the container's ids.
std::vector<sys::PlacedMount> volumes_of(const Record& record) {
    std::vector<sys::PlacedMount> mounts;
    for (const MountRecord& mount : record.mounts)
        if (mount.type != "tmpfs" && !mount.own_ids && sys::exists(mount.source))
            mounts.push_back({mount.source, mount.destination, mount.read_only});
    return mounts;
}

Result<ContainerRoot> mount_ended(const Paths& paths, const Container& container) {
    std::string dir = paths.container(container.record.id);
    store::LayerStack layers = TRY(layers_of_root(paths, container));
    ContainerRoot root{.fd = {}, .ids = every_id(), .lock = TRY(sys::open_dir(dir + "/upper"))};
    if (!TRY(sys::try_lock(root.lock.get(), sys::LockMode::exclusive)))
        return fail(Error(Code::in_use, "another command works in container " + shown(container))
                        .with_hint("try again when it is done"));
    sys::OverlayRequest request{.base = layers.base,
                                .lower = layers.lower,
                                .upper = dir + "/upper",
                                .work = dir + "/work",
                                .target = paths.mount_point(),
                                .lasting = true,
                                .mounts = volumes_of(container.record)};
    TRY(sys::make_dirs(paths.mount_point()));
    Result<sys::UniqueFd> fd = sys::open_overlay(request);
    root.fd = TRY(std::move(fd));
    return root;
}

}  // namespace

Result<std::uint32_t> ContainerRoot::uid_outside(std::int64_t id) const {
    return outside(ids.uids, id);
}
Result<std::uint32_t> ContainerRoot::gid_outside(std::int64_t id) const {
    return outside(ids.gids, id);
}
std::int64_t ContainerRoot::uid_inside(std::uint32_t id) const { return inside(ids.uids, id); }
std::int64_t ContainerRoot::gid_inside(std::uint32_t id) const { return inside(ids.gids, id); }

bool has_processes(const Container& container) { return container.state.pid > 0; }

Result<ContainerRoot> open_root(const Paths& paths, const Container& container) {
    TRY(check(paths, container));
    if (!has_processes(container)) return mount_ended(paths, container);
    ContainerRoot root{
        .fd = TRY(sys::open_dir("/proc/" + std::to_string(container.state.pid) + "/root/")),
        .ids = TRY(ids_of(container.state.pid))};
    TRY(check_still_there(container));
    return root;
}

Result<ContainerRoot> open_own_files(const Paths& paths, const Container& container) {
    TRY(check(paths, container));
    // With ids of its own its mounts are locked together, and its root cannot be had without the
    // others: then it is read as of one that has ended.
    if (has_processes(container) && !container.record.ids) {
        ContainerRoot root{.fd = TRY(sys::clone_root_of(container.state.pid)),
                           .ids = TRY(ids_of(container.state.pid))};
        TRY(check_still_there(container));
        return root;
    }
    store::LayerStack layers = TRY(layers_of_root(paths, container));
    std::vector<std::string> lower{paths.container(container.record.id) + "/upper"};
    lower.insert(lower.end(), layers.lower.begin(), layers.lower.end());
    TRY(sys::make_dirs(paths.mount_point()));
    return ContainerRoot{.fd = TRY(sys::open_overlay({.base = layers.base,
                                                      .lower = std::move(lower),
                                                      .upper = "",
                                                      .work = "",
                                                      .target = paths.mount_point()})),
                         .ids = every_id()};
}

Result<sys::UniqueFd> open_image_files(const Paths& paths, const Container& container) {
    store::LayerStack layers = TRY(layers_of(paths, container));
    // An overlay without an upper directory needs two lower ones (overlayfs.rst).
    if (layers.lower.size() == 1) return sys::open_dir(layers.base + "/" + layers.lower.front());
    TRY(sys::make_dirs(paths.mount_point()));
    return sys::open_overlay({.base = layers.base,
                              .lower = layers.lower,
                              .upper = "",
                              .work = "",
                              .target = paths.mount_point()});
}

}  // namespace crank::engine::files
