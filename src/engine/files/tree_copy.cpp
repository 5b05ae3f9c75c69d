#include "engine/files/tree_copy.h"

#include <vector>

#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/open_flags.h"
#include "sys/stream.h"

namespace crank::engine::files {
namespace {

constexpr std::size_t kBuffer = std::size_t{128} << 10;
constexpr int kMaxDepth = 200;  // each holds three descriptors open

class TreeCopier {
public:
    explicit TreeCopier(const TreeCopyRequest& request) : request_(request), buffer_(kBuffer) {}

    Result<> entry(int from, int to, const std::string& name, const std::string& path, int depth) {
        sys::Attributes attributes = TRY(sys::attributes_at(from, ""));
        if (attributes.is_dir()) return directory(from, to, name, path, attributes, depth);
        bool made_here = attributes.is_regular() || attributes.is_symlink() || attributes.is_fifo();
        if (!made_here) {
            if (request_.left_out) request_.left_out(path);
            return {};
        }
        TRY_IN(make_room(to, name, attributes), path);
        if (attributes.is_regular())
            return TRY_IN(file(from, to, name, attributes), path), Result<>();
        if (attributes.is_symlink())
            TRY_IN(sys::make_symlink_at(TRY(sys::link_target(from, path)), to, name), path);
        else
            TRY_IN(sys::make_node_at(to, name, S_IFIFO | (attributes.mode & 0777), 0, 0), path);
        if (auto owner = TRY(owner_of(attributes)))
            TRY_IN(sys::set_owner_at(to, name, owner->uid, owner->gid), path);
        return sys::set_mtime_at(to, name, attributes.mtime, attributes.mtime_ns);
    }

    Result<> contents(int from, int to, const std::string& path, int depth) {
        if (depth > kMaxDepth)
            return fail(Code::unsupported, path.substr(0, 100) + "... is deeper than " +
                                               std::to_string(kMaxDepth) + " directories");
        sys::UniqueFd open =
            TRY_IN(sys::open_at(from, ".", sys::kReadOnly | sys::kDirectory), path);
        for (const std::string& name : TRY_IN(sys::list_at(open.get()), path)) {
            auto child = TRY_IN(sys::open_entry(open.get(), name), path);
            if (!child) continue;  // it has just been removed
            TRY(entry(child->get(), to, name, path + "/" + name, depth));
        }
        return {};
    }

    std::int64_t bytes() const { return bytes_; }

private:
    Result<std::optional<sys::Owner>> owner_of(const sys::Attributes& attributes) {
        if (!request_.owner) return std::optional<sys::Owner>();
        return request_.owner(attributes.uid, attributes.gid);
    }

    static bool is_same(const sys::Attributes& a, const sys::Attributes& b) {
        return a.inode == b.inode && a.device == b.device;
    }

    // Of what is none of a copy's, others may hold the name: the machine's /dev/null.
    static Result<> remove_file(int to, const std::string& name, const sys::Attributes& old,
                                const sys::Attributes& source) {
        bool ours = old.is_regular() || old.is_symlink() || (old.is_fifo() && source.is_fifo());
        if (ours) return sys::remove_at(to, name);
        return fail(Code::already_exists,
                    "a device, a FIFO or a socket is there, which a copy does not replace");
    }

    // Within one container the source may lie in what its copy would take the place of.
    static Result<> remove_directory(int to, const std::string& name,
                                     const sys::Attributes& source) {
        auto removed = sys::remove_entry(to, name, sys::FileId{source.device, source.inode});
        if (removed || removed.error().code() != Code::invalid_argument) return removed;
        return fail(Code::invalid_argument,
                    "the directory that it would take the place of holds it");
    }

    Result<> make_room(int to, const std::string& name, const sys::Attributes& source) const {
        auto old = sys::attributes_at(to, name);
        if (!old && old.error().code() == Code::not_found) return {};
        if (!old) return fail(std::move(old).error());
        if (is_same(*old, source))
            return fail(Code::invalid_argument, "it is the same file on both sides");
        if (!old->is_dir()) return remove_file(to, name, *old, source);
        if (request_.overwrite) return remove_directory(to, name, source);
        return fail(Code::already_exists, "cannot overwrite a directory with what is none");
    }

    // By descriptor: a name may be somebody else's by now.
    Result<> finish(int fd, const sys::Attributes& attributes, const std::string& name) {
        // The owner first: chown(2) clears the set-user-ID bit.
        if (auto owner = TRY(owner_of(attributes)))
            TRY(sys::set_owner(fd, owner->uid, owner->gid, name));
        mode_t mode = attributes.mode & (request_.keep_set_id ? 07777 : 01777);
        TRY(sys::set_mode(fd, mode, name));
        return sys::set_mtime(fd, attributes.mtime, attributes.mtime_ns, name);
    }

    Result<> file(int from, int to, const std::string& name, const sys::Attributes& attributes) {
        sys::UniqueFd source = TRY(sys::reopen_for_reading(from, name));
        sys::UniqueFd copy = TRY(sys::create_file_at(to, name, 0600));
        bytes_ += TRY(sys::copy_bytes(source.get(), copy.get(), attributes.size, buffer_, name));
        return finish(copy.get(), attributes, name);
    }

    Result<> directory(int from, int to, const std::string& name, const std::string& path,
                       const sys::Attributes& attributes, int depth) {
        auto old = sys::attributes_at(to, name);
        if (!old && old.error().code() != Code::not_found)
            return fail(std::move(old).error().with_context(path));
        if (old && !old->is_dir()) {
            if (!request_.overwrite)
                return fail(Code::already_exists,
                            path + ": cannot overwrite what is no directory with one");
            TRY_IN(remove_file(to, name, *old, attributes), path);
        }
        bool into_itself = top_ && is_same(attributes, *top_);
        if (into_itself || (old && is_same(*old, attributes)))
            return fail(
                Error(Code::invalid_argument, path + ": a directory is not copied into itself"));
        if (!old || !old->is_dir()) TRY_IN(sys::make_dir_at(to, name, 0700), path);
        sys::UniqueFd made = TRY_IN(sys::open_dir_at(to, name), path);
        // Where the copies lie: to meet that below the source has no end.
        if (!top_) top_ = TRY_IN(sys::attributes_at(made.get(), ""), path);
        TRY(contents(from, made.get(), path, depth + 1));
        return TRY_IN(finish(made.get(), attributes, name), path), Result<>();
    }

    const TreeCopyRequest& request_;
    std::vector<std::uint8_t> buffer_;
    std::int64_t bytes_ = 0;
    std::optional<sys::Attributes> top_;  // the first directory that was copied to
};

}  // namespace

Result<std::int64_t> copy_entry(const TreeCopyRequest& request, int entry, int directory,
                                const std::string& name, const std::string& shown) {
    TreeCopier copier(request);
    TRY(copier.entry(entry, directory, name, shown, 0));
    return copier.bytes();
}

Result<std::int64_t> copy_contents(const TreeCopyRequest& request, int entry, int directory,
                                   const std::string& shown) {
    TreeCopier copier(request);
    TRY(copier.contents(entry, directory, shown, 0));
    return copier.bytes();
}

}  // namespace crank::engine::files
