#include "shim/inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/kernel.h"

namespace crank::shim {

int open_inside(const Root& root, const char* path, int flags, Links links) {
    while (*path == '/') ++path;
    OpenHow how{};
    how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
    how.resolve = kResolveInRoot | kResolveNoMagiclinks;
    if (links == Links::refuse) how.resolve |= kResolveNoSymlinks;
    int fd, left = kMostLookups;
    do fd = openat2(root.fd, *path != 0 ? path : ".", how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --left > 0)));
    return fd;
}

// "/a/b/c/" -> parent "/a/b", name "c"; trailing slashes are cut by the planner.
int split(const char* path, Split& out) {
    const char* slash = strrchr(path, '/');
    size_t length = slash == nullptr ? 0 : static_cast<size_t>(slash - path);
    if (length >= sizeof out.parent) return ENAMETOOLONG;
    memcpy(out.parent, path, length);
    out.parent[length] = 0;
    out.name = slash == nullptr ? path : slash + 1;
    return 0;
}

namespace {

constexpr int kMostLinks = 8;  // that lead to nothing, one after the other

int no_descriptor(int error) {
    errno = error;
    return -1;
}

// Where the link `parts` leads, as a path in the root; it may go up and will be resolved in the
// root again. 0, or an errno: EINVAL where it is no link.
int link_target(int parent, const Split& parts, char (&out)[4096]) {
    char target[2048];
    ssize_t length = readlinkat(parent, parts.name, target, sizeof target - 1);
    if (length < 0) return errno;
    target[length] = 0;
    const char* above = *target == '/' ? "" : parts.parent;
    int written = snprintf(out, sizeof out, "%s/%s", above, target);
    return written < 0 || static_cast<size_t>(written) >= sizeof out ? ENAMETOOLONG : 0;
}

enum class Kind { directory, file };

// A descriptor of `path` below the root, or -1. What is missing is made, with its directories; a
// link to nothing (/etc/resolv.conf of an image that expects systemd) has its target made.
int make_path(const Root& root, const char* path, Kind kind, mode_t mode, Links links,
              int links_left = kMostLinks) {
    int flags = O_PATH | (kind == Kind::directory ? O_DIRECTORY : 0);
    int fd = open_inside(root, path, flags, links);
    if (fd >= 0 || errno != ENOENT) return fd;
    Split parts;
    if (int error = split(path, parts); error != 0) return no_descriptor(error);
    if (*parts.name == 0 || strcmp(parts.name, "..") == 0) return no_descriptor(ENOENT);
    int parent = make_path(root, parts.parent, Kind::directory, 0755, links, links_left);
    if (parent < 0) return -1;
    int made = kind == Kind::directory
                   ? mkdirat(parent, parts.name, mode)
                   : openat(parent, parts.name,
                            O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
    int error = made < 0 ? errno : 0;
    if (made > 0) close(made);
    char target[4096];
    if (error == EEXIST) error = links_left > 0 ? link_target(parent, parts, target) : ELOOP;
    bool follow = made < 0 && error == 0;
    close(parent);
    // EINVAL: something else was made there meanwhile.
    if (error != 0 && error != EINVAL) return no_descriptor(error);
    if (follow) return make_path(root, target, kind, mode, links, links_left - 1);
    return open_inside(root, path, flags, links);
}

}  // namespace

int make_dirs(const Root& root, const char* path, mode_t mode, Links links) {
    return make_path(root, path, Kind::directory, mode, links);
}

// A bundle's /dev may be no mount: a link there would spread devices over the rest of the root.
Links links_to(const char* directory) {
    bool dev = strcmp(directory, "/dev") == 0 || strncmp(directory, "/dev/", 5) == 0;
    return dev ? Links::refuse : Links::follow;
}

int make_file(const Root& root, const char* path, Links links) {
    return make_path(root, path, Kind::file, 0644, links);
}

}  // namespace crank::shim
