#include "store/unpack.h"

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "store/overlay.h"
#include "store/tree_path.h"
#include "sys/file.h"
#include "sys/owned_file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {

namespace {

constexpr std::size_t kMaxDepth = 256;
// Files up to this size are read whole, so that those which another layer has are never written.
constexpr std::size_t kBuffer = std::size_t{1} << 20;
constexpr std::size_t kMaxNames = 16'384;  // that are remembered

// Components joined by single slashes; empty for the root.
Result<std::string> normalise(const std::string& path) {
    std::string out;
    std::size_t depth = 0;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..")
            return fail(Code::corrupt, "the path '" + path + "' leads out of the layer");
        if (++depth > kMaxDepth)
            return fail(Code::corrupt,
                        "the path '" + path.substr(0, 100) + "...' is deeper than 256 directories");
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

// What the kernel says about paths is the archive's fault.
Error blame_archive(Error error) {
    switch (error.error_number()) {
        case ENOTDIR:
        case EISDIR:
        case ELOOP:
        case ENAMETOOLONG:
        case EMLINK:
        case EEXIST:
        case ENOENT:
        case EINVAL:
            if (error.code() == Code::permission_denied) return error;  // an owner
            return std::move(error).with_code(Code::corrupt);
        default: return error;
    }
}

}  // namespace

Result<UnpackStats> Unpacker::run(TarReader& reader) {
    auto read = entries(reader);
    if (read) crew_.drain();
    // What comes after a file that failed may fail for want of it.
    if (crew_.failed()) return fail(blame_archive(crew_.take_error()));
    TRY(std::move(read));
    auto finished = apply_whiteouts();
    if (finished) finished = apply_directory_attributes();
    if (!finished) return fail(blame_archive(std::move(finished).error()));
    if (stats_.replaced) stats_.file_bytes = TRY(file_bytes_of(rootfd_));
    return stats_;
}

Result<> Unpacker::entries(TarReader& reader) {
    while (auto next = TRY(reader.next())) {
        if (crew_.failed()) return {};
        auto done = entry(reader, *next);
        if (!done)
            return fail(blame_archive(std::move(done).error())
                            .with_context("entry '" + next->path.substr(0, 300) + "'"));
    }
    return {};
}

Result<> Unpacker::entry(TarReader& reader, const TarEntry& entry) {
    std::string path = TRY(normalise(entry.path));
    if (path.empty()) {
        // The root's own attributes are no content; anything else in its place is an attack
        // (CVE-2021-29136).
        if (entry.kind == TarKind::dir) return {};
        return fail(Code::corrupt, "the layer's root is not a directory");
    }
    if (name_of(path).starts_with(kWhiteoutPrefix) && TRY(whiteout(path))) return {};
    Place at = TRY(place(path));
    bool is_taken = TRY(taken(at));
    // What is replaced, or linked to, has to be there.
    if (is_taken || entry.kind == TarKind::hard_link) crew_.drain();
    if (entry.kind == TarKind::file) return file(reader, entry, path, at, is_taken);
    auto made = make(entry, path, at);
    // Seldom: the name is taken by an earlier entry.
    if (!made && made.error().code() == Code::already_exists) {
        if (TRY(clear(at, path, entry.kind))) return attributes(entry, path, at);
        made = make(entry, path, at);
    }
    return made;
}

Result<> Unpacker::make(const TarEntry& entry, const std::string& path, const Place& at) {
    switch (entry.kind) {
        case TarKind::hard_link: return hard_link(entry, at);
        case TarKind::dir: TRY(sys::make_dir_at(at.parent, at.name, 0700)); break;
        case TarKind::symlink: TRY(sys::make_symlink_at(entry.link, at.parent, at.name)); break;
        default:
            if (!TRY(node(entry, at))) return {};
    }
    return attributes(entry, path, at);
}

// False where the name only looks like one.
Result<bool> Unpacker::whiteout(const std::string& path) {
    std::string name = name_of(path);
    std::string parent = parent_of(path);
    if (name == kOpaqueMarker) {
        if (parent.empty()) return true;  // nothing of the layers below shows through a root anyway
        opaque_.insert(parent);
        return true;
    }
    if (name.starts_with(kAufsPrefix)) return true;
    std::string hidden = name.substr(kWhiteoutPrefix.size());
    if (hidden.empty() || hidden == "." || hidden == "..")
        return fail(Code::corrupt, "a whiteout names no file");
    whiteouts_.insert(parent.empty() ? hidden : parent + "/" + hidden);
    return true;
}

Result<Unpacker::Place> Unpacker::place(const std::string& path) {
    std::string parent = parent_of(path);
    if (!parent_ || parent != parent_path_) {
        auto opened = sys::open_dir_in_root(rootfd_, parent);
        if (!opened && opened.error().code() == Code::not_found) {
            crew_.drain();  // a file may be in the way
            TRY(make_parents(parent));
            opened = sys::open_dir_in_root(rootfd_, parent);
        }
        parent_ = std::make_shared<const sys::UniqueFd>(TRY(std::move(opened)));
        parent_path_ = parent;
        parent_inode_ = TRY(sys::attributes_at(parent_->get(), "")).inode;
    }
    return Place{parent_->get(), name_of(path)};
}

// Whether an earlier entry, or a directory above one, has the name.
Result<bool> Unpacker::taken(const Place& at) {
    if (names_.size() >= kMaxNames) {
        crew_.drain();
        names_.clear();
        names_emptied_ = true;
    }
    if (!names_.emplace(parent_inode_, at.name).second) return true;
    if (!names_emptied_) return false;
    auto there = sys::attributes_at(at.parent, at.name);
    if (!there && there.error().code() != Code::not_found) return fail(std::move(there).error());
    return there.has_value();
}

// Parents that have no entry of their own: mode 0755, owner 0:0, time 0.
Result<> Unpacker::make_parents(const std::string& path) {
    if (path.empty()) return {};
    if (sys::open_dir_in_root(rootfd_, path)) return {};
    TRY(make_parents(parent_of(path)));
    auto parent = TRY(sys::open_dir_in_root(rootfd_, parent_of(path)));
    std::string name = name_of(path);
    TRY(sys::make_dir_at(parent.get(), name, 0700));
    names_.emplace(TRY(sys::attributes_at(parent.get(), "")).inode, name);
    dirs_[path] = {};
    return {};
}

// Makes room for an entry; true where a directory is already there and stays.
Result<bool> Unpacker::clear(const Place& at, const std::string& path, TarKind kind) {
    auto old = sys::attributes_at(at.parent, at.name);
    if (!old && old.error().code() == Code::not_found) return false;
    if (!old) return fail(std::move(old).error());
    if (old->is_dir() && kind == TarKind::dir) return true;
    stats_.replaced = true;
    dirs_.erase(path);
    TRY(sys::remove_tree("/proc/self/fd/" + std::to_string(at.parent) + "/" + at.name));
    return false;
}

Result<> Unpacker::file(TarReader& reader, const TarEntry& entry, const std::string& path,
                        const Place& at, bool taken) {
    stats_.file_bytes += entry.size;
    if (entry.size != 0) TRY(on_payload_(path, entry.size));
    if (entry.size <= static_cast<std::int64_t>(kBuffer))
        return small_file(reader, entry, path, at, taken);
    return large_file(reader, entry, path, at);
}

Result<> Unpacker::small_file(TarReader& reader, const TarEntry& entry, const std::string& path,
                              const Place& at, bool taken) {
    std::vector<std::uint8_t> content(static_cast<std::size_t>(entry.size));
    std::size_t size = 0;
    while (std::size_t n = TRY(reader.read(std::span(content).subspan(size)))) size += n;
    content.resize(size);
    if (!taken) {
        crew_.add({parent_, at.name, path, entry, std::move(content)});
        return {};
    }
    if (TRY(maker_.make(at.parent, at.name, path, entry, content))) return {};
    TRY(clear(at, path, TarKind::file));
    if (TRY(maker_.make(at.parent, at.name, path, entry, content))) return {};
    return fail(Code::internal, "its name is taken");
}

Result<> Unpacker::large_file(TarReader& reader, const TarEntry& entry, const std::string& path,
                              const Place& at) {
    auto fd = TRY(maker_.create(at.parent, at.name, entry));
    if (!fd) {
        TRY(clear(at, path, TarKind::file));
        fd = TRY(maker_.create(at.parent, at.name, entry));
    }
    if (!fd) return fail(Code::internal, "its name is taken");
    bool shared = maker_.shares(path, entry);
    FileHasher hasher(identity_of(entry));
    buffer_.resize(kBuffer);
    while (std::size_t n = TRY(reader.read(buffer_))) {
        if (shared) hasher.update(std::span(buffer_).first(n));
        TRY(sys::write_all(fd->get(), {reinterpret_cast<const char*>(buffer_.data()), n}, at.name));
    }
    TRY(maker_.finish(fd->get(), entry));
    fd.reset();
    if (!shared) return {};
    return maker_.share(hasher.finish(), at.parent, at.name, path, entry);
}

Result<> Unpacker::hard_link(const TarEntry& entry, const Place& at) {
    std::string target = TRY(normalise(entry.link));
    if (target.empty()) return fail(Code::corrupt, "a hard link leads to the layer's root");
    auto missing = [&] {
        return fail(Code::corrupt,
                    "a hard link leads to '" + entry.link + "', which is not in this layer");
    };
    auto parent = sys::open_dir_in_root(rootfd_, parent_of(target));
    if (!parent) return missing();
    std::string name = name_of(target);
    auto attributes = sys::attributes_at(parent->get(), name);
    if (!attributes) return missing();
    if (attributes->is_dir())
        return fail(Code::corrupt, "a hard link leads to the directory '" + entry.link + "'");
    return sys::hard_link_at(parent->get(), name, at.parent, at.name);
}

// False where the kernel does not let crank make such a node.
Result<bool> Unpacker::node(const TarEntry& entry, const Place& at) {
    bool is_fifo = entry.kind == TarKind::fifo;
    if (!is_fifo && entry.major == 0 && entry.minor == 0)
        return fail(Code::corrupt, "a device 0:0 would read as a deleted file");
    mode_t kind = is_fifo ? S_IFIFO : entry.kind == TarKind::char_device ? S_IFCHR : S_IFBLK;
    auto made = sys::make_node_at(at.parent, at.name, kind | 0600, entry.major, entry.minor);
    if (!made && !is_fifo && made.error().error_number() == EPERM) return false;
    TRY(std::move(made));
    return true;
}

Result<> Unpacker::attributes(const TarEntry& entry, const std::string& path, const Place& at) {
    // The owner first: a change of owner clears set-user-ID bits and capabilities.
    auto owned = sys::set_owner_at(at.parent, at.name, static_cast<uid_t>(entry.uid),
                                   static_cast<gid_t>(entry.gid));
    if (!owned) return fail(blame_ids(std::move(owned).error()));
    if (entry.kind != TarKind::symlink) {
        if (entry.kind != TarKind::dir) TRY(sys::set_mode_at(at.parent, at.name, entry.mode));
        for (const auto& [key, value] : entry.xattrs)
            if (is_content_xattr(key)) TRY(sys::set_xattr_at(at.parent, at.name, key, value));
    }
    if (entry.kind == TarKind::dir) {
        dirs_[path] = {entry.mode & 07777, entry.mtime, entry.mtime_ns};
        return {};
    }
    return sys::set_mtime_at(at.parent, at.name, entry.mtime, entry.mtime_ns);
}

Result<> Unpacker::apply_whiteouts() {
    for (const std::string& path : whiteouts_) {
        Place at = TRY(place(path));
        auto present = sys::attributes_at(at.parent, at.name);
        if (present) {
            // The layer replaces what it hides: of a directory below, nothing shows through.
            if (present->is_dir()) TRY(make_opaque(at));
            continue;
        }
        if (present.error().code() != Code::not_found) return fail(std::move(present).error());
        TRY_IN(sys::make_node_at(at.parent, at.name, S_IFCHR, 0, 0), "whiteout of '" + path + "'");
    }
    for (const std::string& path : opaque_) {
        TRY(make_parents(path));
        Place at = TRY(place(path));
        auto attributes = TRY(sys::attributes_at(at.parent, at.name));
        if (!attributes.is_dir())
            return fail(Code::corrupt, "the opaque directory '" + path + "' is no directory");
        TRY(make_opaque(at));
    }
    return {};
}

Result<> Unpacker::make_opaque(const Place& at) {
    auto made = sys::set_xattr_at(at.parent, at.name, kOpaqueXattrs[0], "y");
    if (made || made.error().error_number() != EPERM) return made;
    return sys::set_xattr_at(at.parent, at.name, kOpaqueXattrs[1], "y");
}

// From the innermost outwards: a directory may not let its own owner in.
Result<> Unpacker::apply_directory_attributes() {
    parent_.reset();
    for (auto at = dirs_.rbegin(); at != dirs_.rend(); ++at) {
        auto dir = sys::open_dir_in_root(rootfd_, at->first);
        if (!dir && dir.error().code() == Code::not_found) continue;
        if (!dir) return fail(std::move(dir).error());
        TRY(sys::set_mode(dir->get(), at->second.mode, at->first));
        TRY(sys::set_mtime(dir->get(), at->second.seconds, at->second.nanoseconds, at->first));
    }
    return {};
}

namespace {

Result<std::int64_t> bytes_below(int dirfd, std::set<std::uint64_t>& seen) {
    std::int64_t bytes = 0;
    for (const std::string& name : TRY(sys::list_at(dirfd))) {
        auto attributes = TRY(sys::attributes_at(dirfd, name));
        if (attributes.is_dir()) {
            auto child = TRY(sys::open_dir_at(dirfd, name));
            bytes += TRY(bytes_below(child.get(), seen));
        } else if (attributes.is_regular() && seen.insert(attributes.inode).second) {
            bytes += attributes.size;
        }
    }
    return bytes;
}

}  // namespace

Result<std::int64_t> file_bytes_of(int rootfd) {
    std::set<std::uint64_t> seen;
    return bytes_below(rootfd, seen);
}

}  // namespace crank::store
