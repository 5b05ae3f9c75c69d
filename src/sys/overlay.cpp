#include "sys/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"
#include "sys/file_ids.h"
#include "sys/mount.h"
#include "sys/mount_namespace.h"
#include "sys/own_thread.h"
#include "sys/own_user_namespace.h"
#include "sys/walk.h"

namespace crank::sys {

namespace {

Result<std::string> options_of(const OverlayRequest& request) {
    // Attributes of trusted.* take the machine's own root (Linux 5.11), and with those of users'
    // "off" is refused where the kernel follows redirections by default.
    bool initial = TRY(own_user_namespace()).initial;
    std::string options = initial ? "redirect_dir=off" : "userxattr,redirect_dir=nofollow";
    options += ",metacopy=off,index=off";
    if (!request.upper.empty())
        options += std::string(request.lasting ? "" : ",volatile") + ",upperdir=" + request.upper +
                   ",workdir=" + request.work;
    options += ",lowerdir=";
    for (std::size_t i = 0; i < request.lower.size(); ++i)
        options += (i == 0 ? "" : ":") + request.lower[i];
    // mount(2) takes a page at most.
    if (options.size() >= 4096)
        return fail(Code::unsupported,
                    "too many layers for one mount: " + std::to_string(request.lower.size()) +
                        " below " + request.base);
    return options;
}

// In this thread's own mount namespace.
// A mount point that the image lacks is made, as the start of a container would.
Result<> make_place(int root, const PlacedMount& mount) {
    bool directory = TRY(stat(mount.source)).is_dir();
    std::string parent =
        directory ? mount.destination : mount.destination.substr(0, mount.destination.rfind('/'));
    TRY(make_dirs_in_root(root, parent, 0755));
    if (directory) return {};
    TRY(create_file_in_root(root, mount.destination, 0644));
    return {};
}

Result<> place(int root, const PlacedMount& mount, bool writable) {
    Result<UniqueFd> found = open_in_root(root, mount.destination, O_PATH);
    if (!found && found.error().code() == Code::not_found && writable) {
        TRY(make_place(root, mount));
        found = open_in_root(root, mount.destination, O_PATH);
    }
    UniqueFd at = TRY(std::move(found));
    UniqueFd source = TRY(clone_mount(mount.source, false));
    if (mount.read_only) TRY(change_mount(source.get(), {.set = kMountRdonly}, mount.source));
    if (::syscall(SYS_move_mount, source.get(), "", at.get(), "",
                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return fail_errno("mount " + mount.source + " at " + mount.destination);
    return {};
}

Result<UniqueFd> mount_here(const OverlayRequest& request, const std::string& options) {
    TRY(leave_mount_namespace());
    if (::chdir(request.base.c_str()) != 0) return fail_errno("enter " + request.base);
    unsigned long flags = request.upper.empty() ? MS_RDONLY : 0;
    if (::mount("overlay", request.target.c_str(), "overlay", flags, options.c_str()) != 0)
        return fail_errno("mount an overlay of " + std::to_string(request.lower.size()) +
                          " layers on " + request.target);
    UniqueFd root = TRY(open(request.target, O_RDONLY | O_DIRECTORY));
    for (const PlacedMount& mount : request.mounts)
        TRY(place(root.get(), mount, !request.upper.empty()));
    if (request.mounts.empty()) return root;
    // Detached with what is mounted in it, which would go with the namespace otherwise.
    return clone_mount(request.target, true);
}

Result<UniqueFd> mount_mapped_here(const MappedOverlay& request) {
    TRY(leave_mount_namespace());
    // Over itself: overlayfs takes its layers by their paths. Before Linux 6.15 they may not lie in
    // a mount that is attached nowhere.
    UniqueFd mapped = TRY(clone_mount(request.base, true));
    TRY(map_mount_ids(mapped.get(), request.user_namespace, true, request.base));
    TRY(attach_mount(mapped.get(), request.base));
    if (::chdir(request.base.c_str()) != 0) return fail_errno("enter " + request.base);
    // overlayfs makes its own directories and whiteouts as who has mounted it, who must be somebody
    // the mapped mount knows.
    TRY(make_files_as(request.uid, request.gid));
    if (::mount("overlay", request.target.c_str(), "overlay", request.flags,
                request.options.c_str()) != 0) {
        Error error = Error::from_errno(errno, "mount an overlay of id-mapped layers");
        return fail(std::move(error).with_hint("it takes Linux 5.19"));
    }
    return clone_mount(request.target, false);
}

}  // namespace

Result<UniqueFd> clone_mapped_overlay(const MappedOverlay& request) {
    return on_own_thread([&] { return mount_mapped_here(request); });
}

Result<UniqueFd> clone_overlay(const OverlayRequest& request, const std::string& path) {
    std::string options = TRY(options_of(request));
    return on_own_thread([&]() -> Result<UniqueFd> {
        UniqueFd root = TRY(mount_here(request, options));
        UniqueFd found = TRY(open_in_root(root.get(), path, O_PATH));
        return clone_mount("/proc/self/fd/" + std::to_string(found.get()), false);
    });
}

Result<UniqueFd> open_overlay(const OverlayRequest& request) {
    std::string options = TRY(options_of(request));
    return on_own_thread([&] { return mount_here(request, options); });
}

}  // namespace crank::sys
