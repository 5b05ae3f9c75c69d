#include "cli/output_file.h"

#include <optional>

#include "base/text.h"
#include "engine/names.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel counts (path_resolution(7))

std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// What a process has open, by the link that the kernel keeps of it: /proc/self/fd/1, /dev/fd/63.
struct OpenFile {
    std::optional<int> own;  // a descriptor of this process
};
std::optional<OpenFile> open_file_of(const std::string& path) {
    Result<std::string> parent = sys::real_path(parent_of(path));
    if (!parent || !parent->starts_with("/proc/") || !parent->ends_with("/fd")) return std::nullopt;
    auto number = parse_int(path.substr(path.rfind('/') + 1));
    bool own =
        *parent == "/proc/" + std::to_string(sys::own_pid()) + "/fd" && number && *number >= 0;
    return OpenFile{own ? std::optional(static_cast<int>(*number)) : std::nullopt};
}

struct Target {
    std::string path;             // links resolved
    bool replaced = true;         // a regular file, or nothing yet
    std::optional<int> own = {};  // it is this descriptor's file
};

Result<Target> find_target(const std::string& given) {
    // By the kernel first: it follows no link in /tmp that is somebody else's.
    Result<sys::FileInfo> there = sys::stat(given);
    if (!there && there.error().code() != Code::not_found) return fail(std::move(there).error());
    if (there && there->is_dir()) return fail(Code::invalid_argument, given + " is a directory");
    std::string path = given;
    for (int i = 0; i < kMaxLinks; ++i) {
        if (auto open = open_file_of(path)) return Target{path, false, open->own};
        Result<sys::FileInfo> info = sys::lstat(path);
        if (!info && info.error().code() == Code::not_found) return Target{path};
        if (!info) return fail(std::move(info).error());
        if (!info->is_symlink()) return Target{path, info->is_regular()};
        std::string target = TRY(sys::read_link(path));
        path = target.starts_with('/') ? target : parent_of(path) + "/" + target;
    }
    return fail(Code::invalid_argument, given + " is a chain of too many links");
}

// At its end: what it holds is not this command's.
Result<> write_into(const Target& target, const std::function<Result<>(int fd)>& write) {
    if (target.own) return write(*target.own);
    sys::UniqueFd file = TRY(sys::open(target.path, sys::kWriteOnly | sys::kAppend));
    return write(file.get());
}

}  // namespace

Result<> write_output(const std::string& path, mode_t mode,
                      const std::function<Result<>(int fd)>& write) {
    Target target = TRY(find_target(path));
    if (!target.replaced) return write_into(target, write);
    std::string partial =
        target.path + "." + TRY(engine::random_id()).substr(0, engine::kShortIdLength) + ".partial";
    sys::UniqueFd file =
        TRY(sys::open(partial, sys::kWriteOnly | sys::kCreate | sys::kExclusive, mode));
    Result<> written = write(file.get());
    if (written) written = sys::rename(partial, target.path);
    if (!written) (void)sys::remove_file(partial);
    return written;
}

Result<> write_output(const std::string& path, mode_t mode, const std::string& text) {
    return write_output(path, mode, [&](int fd) { return sys::write_all(fd, text, path); });
}

}  // namespace crank::cli
