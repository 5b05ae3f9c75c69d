#include "store/untar.h"

#include <map>
#include <vector>

#include "base/text.h"
#include "store/tar_reader.h"
#include "store/tree_path.h"
#include "sys/attributes.h"
#include "sys/link.h"
#include "sys/owned_file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {
namespace {

constexpr std::int64_t kMaxArchive = std::int64_t{1} << 40;  // bytes, decompressed
constexpr std::size_t kBuffer = std::size_t{128} << 10;

// Components joined by single slashes; empty: the directory itself.
Result<std::string> normalise(const std::string& path) {
    std::string out;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..")
            return fail(Code::corrupt, "the path leads out of the archive's directory");
        out += (out.empty() ? "" : "/") + part;
    }
    return out;
}

class Extractor {
public:
    explicit Extractor(const UntarRequest& request) : request_(request), buffer_(kBuffer) {}

    Result<std::int64_t> run(TarReader& reader) {
        while (auto next = TRY(reader.next()))
            TRY_IN(entry(reader, *next), "entry '" + next->path.substr(0, 300) + "'");
        TRY(finish_directories());
        return bytes_;
    }

private:
    Result<sys::UniqueFd> open_below(const std::string& path) {
        return sys::open_dir_in_root(request_.root, request_.directory + "/" + path);
    }

    Result<sys::UniqueFd> parent(const std::string& path) {
        auto opened = open_below(path);
        if (opened || path.empty() || opened.error().code() != Code::not_found) return opened;
        sys::UniqueFd above = TRY(parent(parent_of(path)));
        auto made = sys::make_dir_at(above.get(), name_of(path), 0755);
        if (!made && made.error().code() != Code::already_exists)
            return fail(std::move(made).error());
        return open_below(path);
    }

    Result<> entry(TarReader& reader, const TarEntry& entry) {
        std::string path = TRY(normalise(entry.path));
        if (path.empty()) {
            if (entry.kind == TarKind::dir) return {};
            return fail(Code::corrupt, "it has no name");
        }
        sys::UniqueFd at = TRY(parent(parent_of(path)));
        std::string name = name_of(path);
        if (TRY(make_room(at.get(), name, entry.kind)))
            return directory(at.get(), name, path, entry, false);
        switch (entry.kind) {
            case TarKind::dir:
                TRY(sys::make_dir_at(at.get(), name, 0700));
                return directory(at.get(), name, path, entry, true);
            case TarKind::file: return file(reader, at.get(), name, entry);
            case TarKind::hard_link: return hard_link(at.get(), name, entry);
            case TarKind::symlink:
                TRY(sys::make_symlink_at(entry.link, at.get(), name));
                return finish_name(at.get(), name, entry);
            case TarKind::fifo:
                TRY(sys::make_node_at(at.get(), name, S_IFIFO | (entry.mode & 0777), 0, 0));
                return finish_name(at.get(), name, entry);
            default:
                // A host's device in a container is for --device to give.
                if (request_.left_out) request_.left_out(path);
                return {};
        }
    }

    // What stands at the name goes; true: a directory that stays.
    static Result<bool> make_room(int at, const std::string& name, TarKind kind) {
        auto old = sys::attributes_at(at, name);
        if (!old && old.error().code() == Code::not_found) return false;
        if (!old) return fail(std::move(old).error());
        if (old->is_dir() && kind == TarKind::dir) return true;
        if (old->is_dir() || kind == TarKind::dir)
            return fail(Code::already_exists,
                        old->is_dir() ? "cannot overwrite a directory with what is none"
                                      : "cannot overwrite what is no directory with one");
        TRY(sys::remove_at(at, name));
        return false;
    }

    std::uint32_t uid_of(const TarEntry& entry) const {
        return request_.uid ? request_.uid(entry.uid) : static_cast<std::uint32_t>(entry.uid);
    }
    std::uint32_t gid_of(const TarEntry& entry) const {
        return request_.gid ? request_.gid(entry.gid) : static_cast<std::uint32_t>(entry.gid);
    }

    // Of what cannot be held open without being followed or started: never by mode.
    Result<> finish_name(int at, const std::string& name, const TarEntry& entry) {
        TRY(sys::set_owner_at(at, name, uid_of(entry), gid_of(entry)));
        return sys::set_mtime_at(at, name, entry.mtime, entry.mtime_ns);
    }

    Result<> directory(int at, const std::string& name, const std::string& path,
                       const TarEntry& entry, bool made) {
        sys::UniqueFd fd = TRY(sys::open_dir_at(at, name));
        // The owner first: chown(2) clears the set-group-ID bit.
        TRY(sys::set_owner_at(fd.get(), "", uid_of(entry), gid_of(entry)));
        if (made) TRY(sys::set_mode(fd.get(), 0700, path));
        sys::Attributes now = TRY(sys::attributes_at(fd.get(), ""));
        directories_[path] = {entry, now.device, now.inode};
        return {};
    }

    Result<> file(TarReader& reader, int at, const std::string& name, const TarEntry& entry) {
        sys::UniqueFd fd = TRY(sys::create_file_at(at, name, 0600));
        while (std::size_t n = TRY(reader.read(buffer_)))
            TRY(sys::write_all(fd.get(), {reinterpret_cast<const char*>(buffer_.data()), n}, name));
        bytes_ += entry.size;
        TRY(sys::set_owner_at(fd.get(), "", uid_of(entry), gid_of(entry)));
        TRY(sys::set_mode(fd.get(), entry.mode, name));
        return sys::set_mtime(fd.get(), entry.mtime, entry.mtime_ns, name);
    }

    // Only to what this archive's directory holds.
    Result<> hard_link(int at, const std::string& name, const TarEntry& entry) {
        std::string target = TRY(normalise(entry.link));
        sys::UniqueFd from = TRY(open_below(parent_of(target)));
        return sys::hard_link_at(from.get(), name_of(target), at, name);
    }

    // From the innermost outwards: a directory may not let its own owner in, and its time changes
    // with what is put into it.
    Result<> finish_directories() {
        for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
            auto fd = open_below(at->first);
            if (!fd) continue;  // somebody has removed it meanwhile
            const Directory& wanted = at->second;
            sys::Attributes now = TRY(sys::attributes_at(fd->get(), ""));
            // Or put another in its place, whose mode is none of the archive's.
            if (now.device != wanted.device || now.inode != wanted.inode) continue;
            TRY(sys::set_mode(fd->get(), wanted.entry.mode, at->first));
            TRY(sys::set_mtime(fd->get(), wanted.entry.mtime, wanted.entry.mtime_ns, at->first));
        }
        return {};
    }

    const UntarRequest& request_;
    std::vector<std::uint8_t> buffer_;
    std::int64_t bytes_ = 0;
    struct Directory {
        TarEntry entry;
        std::uint64_t device = 0, inode = 0;
    };
    std::map<std::string, Directory> directories_;
};

}  // namespace

Result<std::int64_t> untar_into(const UntarRequest& request, int fd, const std::string& name) {
    auto source = TRY(decompress(std::make_unique<FdSource>(fd, name), kMaxArchive, name));
    TarReader reader(*source, {}, name);
    return Extractor(request).run(reader);
}

}  // namespace crank::store
