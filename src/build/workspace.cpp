#include "build/workspace.h"

#include "build/copy.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/owned_file.h"
#include "sys/stdin_pipe.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

// What every container gets a mount on.
constexpr const char* kDirectories[] = {"/proc", "/sys", "/dev", "/etc", "/run/crank"};
constexpr const char* kFiles[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// `path`, of which the image has a part at most, with the links in that part resolved.
Result<std::string> resolve_place(int root, const std::string& path) {
    std::string there = path;
    while (!there.empty()) {
        there = parent_of(there);
        auto found = sys::find_in_root(root, there.empty() ? "/" : there);
        if (!found) continue;
        std::string real_root = TRY(sys::path_of_fd(root));
        std::string real = TRY(sys::path_of_fd(found->get()));
        if (!real.starts_with(real_root)) break;
        std::string below = real.substr(real_root.size());
        while (below.starts_with('/')) below.erase(0, 1);
        return (below.empty() ? "" : "/" + below) + path.substr(there.size());
    }
    return path;
}

// What was made for a mount and nobody has put anything into.
void remove_place(int image, int upper, std::string path) {
    for (bool first = true; !path.empty(); path = parent_of(path), first = false) {
        if (sys::find_in_root(image, path)) return;
        auto directory =
            sys::open_dir_in_root(upper, parent_of(path).empty() ? "/" : parent_of(path));
        if (!directory) continue;
        std::string name = path.substr(path.rfind('/') + 1);
        auto info = sys::attributes_at(directory->get(), name);
        if (!info) continue;
        bool empty_file = first && info->is_regular() && info->size == 0;
        if (!info->is_dir() && !empty_file) return;
        if (!sys::remove_at(directory->get(), name)) return;
    }
}

}  // namespace

Result<Workspace> Workspace::create(store::Store& store, std::span<const oci::Digest> parent) {
    store::LayerStack below = TRY(store.stack(parent));
    Workspace workspace(TRY(store.stage()), std::move(below));
    TRY(workspace.prepare());
    return workspace;
}

Result<> Workspace::prepare() {
    for (const std::string& path : {bottom(), nothing(), scratch(), mount_point()})
        TRY(sys::make_dir(path, 0755));
    // The modes of "/" and of what we lend are seen inside: not the caller's umask but these.
    for (const std::string& path : {bottom(), upper()})
        TRY(sys::set_mode(TRY(sys::open_dir(path)).get(), 0755, path));
    for (const char* path : kDirectories) TRY(lend_directory(path));
    for (const char* path : kFiles) TRY(lend_file(path, ""));
    below_.lower.push_back(relative(bottom()));
    return {};
}

std::string Workspace::relative(const std::string& path) const {
    std::string prefix = below_.base + "/";
    return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

// A volatile mount marks its work directory, and the kernel refuses to mount with a marked one: it
// cannot know that no power was cut in between (overlayfs.rst, "Volatile mount").
Result<std::string> Workspace::new_work() const { return new_directory("/work"); }

Result<std::string> Workspace::new_directory(const char* prefix) const {
    std::string path = staging_.path() + prefix + std::to_string(++works_);
    TRY(sys::make_dir(path, 0700));
    return relative(path);
}

Result<sys::UniqueFd> Workspace::open_merged() const {
    // Without what is lent to containers: a COPY may put a link where those get a mount.
    std::vector<std::string> lower(below_.lower.begin(), below_.lower.end() - 1);
    if (lower.empty()) lower.push_back(relative(nothing()));
    return sys::open_overlay({.base = below_.base,
                              .lower = lower,
                              .upper = relative(staging_.upper()),
                              .work = TRY(new_work()),
                              .target = mount_point()});
}

// An overlay without an upper directory needs two lower ones (overlayfs.rst).
Result<sys::UniqueFd> Workspace::open_read_only(const store::LayerStack& stack) const {
    if (stack.lower.size() == 1) return sys::open_dir(stack.base + "/" + stack.lower.front());
    return sys::open_overlay({.base = stack.base,
                              .lower = stack.lower,
                              .upper = "",
                              .work = "",
                              .target = mount_point()});
}

Result<sys::UniqueFd> Workspace::open_below() const { return open_read_only(below_); }

Result<sys::UniqueFd> Workspace::open_layers(store::Store& store,
                                             std::span<const oci::Digest> diff_ids) const {
    if (diff_ids.empty())
        return fail(Code::failed_precondition, "the source of --from holds no files");
    return open_read_only(TRY(store.stack(diff_ids)));
}

Result<sys::UniqueFd> Workspace::clone_layers(store::Store& store,
                                              std::span<const oci::Digest> diff_ids,
                                              const std::string& path, bool writable) const {
    store::LayerStack stack{below_.base, {}};
    if (!diff_ids.empty()) stack = TRY(store.stack(diff_ids));
    // Those of an empty image, and a second one, without which nothing is mounted read-only.
    std::string empty = TRY(new_directory("/empty"));
    TRY(sys::set_mode(TRY(sys::open_dir(below_.base + "/" + empty)).get(), 0755, empty));
    stack.lower.push_back(empty);
    if (!writable) stack.lower.push_back(relative(nothing()));
    sys::OverlayRequest request{
        .base = stack.base, .lower = stack.lower, .upper = "", .work = "", .target = mount_point()};
    if (writable) {
        request.upper = TRY(new_directory("/upper"));
        TRY(sys::set_mode(TRY(sys::open_dir(below_.base + "/" + request.upper)).get(), 0755,
                          request.upper));
        request.work = TRY(new_work());
    }
    return sys::clone_overlay(request, path);
}

Result<sys::UniqueFd> Workspace::open_image() const {
    store::LayerStack stack = below_;
    stack.lower.pop_back();
    if (stack.lower.empty()) stack.lower.push_back(relative(nothing()));
    return open_read_only(stack);
}

Result<std::string> Workspace::place_mount(const std::string& path, bool directory) {
    sys::UniqueFd root = TRY(open_image());
    if (auto found = sys::find_in_root(root.get(), path)) return path;
    std::string place = TRY(resolve_place(root.get(), path));
    TRY(directory ? lend_directory(place) : lend_file(place, ""));
    places_.push_back(place);
    return place;
}

Result<runtime::Rootfs> Workspace::rootfs() const {
    return runtime::Rootfs{.base = below_.base,
                           .lower = below_.lower,
                           .upper = relative(staging_.upper()),
                           .work = TRY(new_work()),
                           .throw_away = true};
}

Result<sys::UniqueFd> Workspace::hold() const { return sys::duplicate(staging_.lock()); }

Result<> Workspace::lend_directory(const std::string& path) const {
    sys::UniqueFd root = TRY(sys::open_dir(bottom()));
    TRY(make_directory(root.get(), path, oci::Owner{}));
    return {};
}

Result<> Workspace::lend_file(const std::string& path, std::string_view content) const {
    TRY(lend_directory(parent_of(path)));
    return sys::write_file_atomic(bottom() + path, content, 0644, sys::Sync::no);
}

Result<TidyReport> Workspace::tidy() const {
    if (!places_.empty()) {
        sys::UniqueFd image = TRY(open_image());
        sys::UniqueFd made = TRY(sys::open_dir(upper()));
        for (const std::string& place : places_) remove_place(image.get(), made.get(), place);
    }
    // The bottom layer's own directories count as absent: what a step puts into /etc of an empty
    // image is new.
    store::LayerStack stack = below_;
    stack.lower.pop_back();
    if (stack.lower.empty()) return tidy_upper(upper(), -1);
    sys::UniqueFd lower = TRY(open_read_only(stack));
    return tidy_upper(upper(), lower.get());
}

Result<store::Layer> Workspace::commit(store::Store& store,
                                       const store::CommitOptions& options) && {
    return store.commit(std::move(staging_), options);
}

}  // namespace crank::build
