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
Result<std::string> Workspace::new_work() const {
    std::string path = staging_.path() + "/work" + std::to_string(++works_);
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
