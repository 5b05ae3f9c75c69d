#include "sys/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <thread>

#include "sys/file.h"
#include "sys/own_user_namespace.h"

namespace crank::sys {

namespace {

Result<std::string> options_of(const OverlayRequest& request) {
    // Attributes of trusted.* take the machine's own root (Linux 5.11), and with those of users'
    // "off" is refused where the kernel follows redirections by default.
    bool initial = TRY(own_user_namespace()).initial;
    std::string options = initial ? "redirect_dir=off" : "userxattr,redirect_dir=nofollow";
    options += ",metacopy=off,index=off";
    if (!request.upper.empty())
        options += ",volatile,upperdir=" + request.upper + ",workdir=" + request.work;
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

Result<UniqueFd> mount_here(const OverlayRequest& request, const std::string& options) {
    // A thread may leave the process's mount namespace and working directory by itself.
    if (::unshare(CLONE_NEWNS) != 0) return fail_errno("create a mount namespace");
    // Before anything is mounted: it must not reach the host's namespace.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make the mounts private");
    if (::chdir(request.base.c_str()) != 0) return fail_errno("enter " + request.base);
    unsigned long flags = request.upper.empty() ? MS_RDONLY : 0;
    if (::mount("overlay", request.target.c_str(), "overlay", flags, options.c_str()) != 0)
        return fail_errno("mount an overlay of " + std::to_string(request.lower.size()) +
                          " layers on " + request.target);
    return open(request.target, O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<UniqueFd> open_overlay(const OverlayRequest& request) {
    std::string options = TRY(options_of(request));
    Result<UniqueFd> result;
    std::thread([&] { result = mount_here(request, options); }).join();
    return result;
}

}  // namespace crank::sys
