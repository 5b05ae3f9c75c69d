#include "engine/files/place.h"

#include <optional>

#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::engine::files {
namespace {

constexpr int kNotADirectory = 20;  // ENOTDIR, on every architecture
constexpr int kMaxLinks = 40;       // as the kernel counts (path_resolution(7))

std::string without_slashes(std::string path) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    return path;
}
std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool means_directory(const std::string& path) {
    return path.ends_with('/') || path.ends_with("/.");
}

// "" where the last component names no entry.
std::string name_of(const std::string& path) {
    std::string name = last_of(without_slashes(path));
    return name == "." || name == ".." ? "" : name;
}

Error blame(Error error, const std::string& shown) {
    if (error.code() == Code::not_found || error.error_number() == kNotADirectory)
        return Error(Code::not_found, "there is no " + shown);
    return std::move(error).with_context(shown);
}

// The directory and the name that the path's last component has at last, links there followed by
// hand: what it leads to need not exist.
struct Located {
    sys::UniqueFd directory;
    std::string name;
};
Result<Located> locate(int root, std::string path, const std::string& shown) {
    for (int i = 0; i < kMaxLinks; ++i) {
        path = without_slashes(path);
        std::string parent = parent_of(path), name = name_of(path);
        Result<sys::UniqueFd> directory = sys::open_dir_in_root(root, parent);
        if (!directory)
            return fail(
                blame(std::move(directory).error(), "directory in which " + shown + " could be"));
        if (name.empty()) return fail(Code::not_found, "there is no " + shown);
        auto entry = TRY_IN(sys::open_entry(directory->get(), name), shown);
        if (!entry || !TRY(sys::attributes_at(entry->get(), "")).is_symlink())
            return Located{std::move(*directory), std::move(name)};
        std::string target = TRY(sys::link_target(entry->get(), name));
        path = target.starts_with('/') ? target : parent + "/" + target;
    }
    return fail(Code::invalid_argument, shown + " is a chain of too many links");
}

Result<Source> find_entry(int root, const std::string& path, const std::string& shown) {
    std::string plain = without_slashes(path);
    Result<sys::UniqueFd> directory = sys::open_dir_in_root(root, parent_of(plain));
    if (!directory) return fail(blame(std::move(directory).error(), shown));
    auto entry = TRY_IN(sys::open_entry(directory->get(), name_of(path)), shown);
    if (!entry) return fail(Code::not_found, "there is no " + shown);
    return Source{.entry = std::move(*entry), .name = name_of(path)};
}

// What is replaced by a copy, or merged with it. Whatever else has a name was made by somebody for
// others to open: the machine's /dev/null, a socket that a service listens on.
Result<> check_replaceable(int entry, const std::string& shown) {
    sys::Attributes there = TRY(sys::attributes_at(entry, ""));
    if (there.is_regular() || there.is_dir()) return {};
    return fail(not_replaceable(shown));
}

}  // namespace

Error not_replaceable(const std::string& shown) {
    return Error(Code::failed_precondition,
                 "destination \"" + shown + "\" must be a directory or a regular file");
}

Result<Source> find_source(int root, const std::string& path, bool follow,
                           const std::string& shown) {
    Source source;
    if (follow || means_directory(path) || name_of(path).empty()) {
        Result<sys::UniqueFd> found = sys::find_in_root(root, path);
        if (!found) return fail(blame(std::move(found).error(), shown));
        std::string plain = path.ends_with("/.") ? path.substr(0, path.size() - 1) : path;
        source = {.entry = std::move(*found), .name = name_of(plain)};
    } else {
        source = TRY(find_entry(root, path, shown));
    }
    source.directory = TRY(sys::attributes_at(source.entry.get(), "")).is_dir();
    source.contents = source.directory && (path.ends_with("/.") || source.name.empty());
    return source;
}

Result<Destination> find_destination(int root, const std::string& path, const Source& source,
                                     const std::string& shown) {
    Result<sys::UniqueFd> found = sys::find_in_root(root, path);
    if (!found && found.error().error_number() == kNotADirectory)
        return fail(Code::failed_precondition, shown + " is no directory");
    if (!found && found.error().code() != Code::not_found)
        return fail(std::move(found).error().with_context(shown));
    if (found) TRY(check_replaceable(found->get(), shown));
    if (found && TRY(sys::attributes_at(found->get(), "")).is_dir())
        return Destination{TRY_IN(sys::open_dir_in_root(root, path), shown),
                           source.contents ? "" : source.name};
    if (found && source.directory)
        return fail(Code::already_exists, "cannot copy a directory over the file " + shown);
    if (means_directory(path) && !source.directory)
        return fail(found ? Error(Code::failed_precondition, shown + " is no directory")
                          : Error(Code::not_found, "there is no directory " + shown));
    std::string plain = path.ends_with("/.") ? path.substr(0, path.size() - 1) : path;
    Located at = TRY(locate(root, plain, shown));
    return Destination{std::move(at.directory), std::move(at.name)};
}

Result<> check_directory(int root, const std::string& path, const std::string& shown) {
    Result<sys::UniqueFd> found = sys::find_in_root(root, path);
    if (!found) return fail(blame(std::move(found).error(), "directory " + shown));
    if (!TRY(sys::attributes_at(found->get(), "")).is_dir())
        return fail(Code::failed_precondition, shown + " is no directory");
    return {};
}

}  // namespace crank::engine::files
