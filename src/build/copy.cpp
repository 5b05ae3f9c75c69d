#include "build/copy.h"

#include <array>
#include <vector>

#include "base/text.h"
#include "sys/owned_file.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

constexpr int kNotADirectory = 20;  // ENOTDIR, on every architecture
constexpr std::size_t kMaxUserFile = std::size_t{4} << 20;

Result<std::string> read_regular(int root, const std::string& path) {
    auto fd = sys::open_file_in_root(root, path);
    if (!fd) return std::string();
    if (!TRY(sys::attributes_at(fd->get(), "")).is_regular()) return std::string();
    return sys::read_all(fd->get(), kMaxUserFile, path);
}

std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string base_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// One run of a step: what all its sources have in common.
class Copier {
public:
    Copier(const CopyRequest& request, std::optional<oci::Owner> owner)
        : request_(request),
          step_(*request.step),
          owner_(owner),
          several_(request.selection.size() + request.step->files.size() > 1) {}

    Result<> run() {
        for (const SelectedSource& source : request_.selection)
            TRY_IN(source.directory ? copy_tree(source) : copy_single(source), source.name);
        for (const dockerfile::InlineFile& file : step_.files) TRY(copy_inline(file));
        return {};
    }

private:
    int root_of(const SelectedSource& source) const {
        return (source.tree != nullptr ? source.tree : request_.tree)->root();
    }
    oci::Owner owner_of(const SelectedEntry& entry) const { return owner_.value_or(entry.owner); }
    std::uint32_t mode_of(const SelectedEntry& entry) const {
        bool directory = entry.kind == sys::FileKind::directory;
        std::uint32_t mode = step_.chmod ? step_.chmod->apply(entry.mode, directory) : entry.mode;
        return request_.onto_host ? mode & 01777 : mode;
    }

    // Where this source goes: with --parents below its own directories.
    std::string destination_of(const SelectedSource& source) const {
        if (!step_.parents) return step_.dest;
        std::string dest = step_.dest + (step_.dest.ends_with('/') ? "" : "/");
        return source.parents.empty() ? dest : dest + source.parents.back().path + "/";
    }

    Result<> make_parents(const SelectedSource& source) {
        for (const SelectedEntry& parent : source.parents) {
            std::string path = step_.dest + "/" + parent.path;
            MadeDirectory made = TRY(make_directory(request_.root, path, owner_of(parent)));
            if (made.created) TRY(sys::set_mode(made.fd.get(), mode_of(parent), path));
        }
        return {};
    }

    // Where a single file goes: into a directory, or to a name of its own.
    struct Target {
        sys::UniqueFd directory;
        std::string name;
        bool through_link = false;  // the name is a link: write to what it stands for
    };
    Result<Target> target_of(const std::string& source_name, const std::string& dest) {
        auto existing = sys::find_in_root(request_.root, dest);
        bool into = dest.ends_with('/') || several_;
        if (!into && existing) into = TRY(sys::attributes_at(existing->get(), "")).is_dir();
        if (into) {
            MadeDirectory made =
                TRY(make_directory(request_.root, dest, owner_.value_or(oci::Owner{})));
            return Target{std::move(made.fd), source_name, false};
        }
        MadeDirectory made =
            TRY(make_directory(request_.root, parent_of(dest), owner_.value_or(oci::Owner{})));
        Target target{std::move(made.fd), base_of(dest), false};
        auto info = sys::attributes_at(target.directory.get(), target.name);
        target.through_link = info && info->is_symlink();
        return target;
    }

    Result<sys::UniqueFd> create(const Target& target) {
        if (target.through_link) return sys::create_file_in_root(request_.root, step_.dest, 0600);
        TRY(make_room(target.directory.get(), target.name));
        return sys::create_file_at(target.directory.get(), target.name, 0600);
    }

    // Whatever stands at the name goes, unless it is a directory.
    static Result<> make_room(int directory, const std::string& name) {
        auto info = sys::attributes_at(directory, name);
        if (!info) {
            if (info.error().code() == Code::not_found) return {};
            return fail(std::move(info).error());
        }
        if (info->is_dir())
            return fail(Code::already_exists, name + " is a directory in the image");
        return sys::remove_at(directory, name);
    }

    // What an image's file has beside its content, when everything else is done: a change of the
    // owner takes its capabilities away.
    Result<> keep_attributes(int from, const std::string& path, int to, const std::string& name,
                             const SelectedEntry& entry) {
        if (!entry.mtime) return {};
        for (const std::string& key : TRY(sys::list_xattrs_at(from, path))) {
            if (key != "security.capability" && !key.starts_with("user.")) continue;
            if (key == "security.capability" && request_.onto_host) continue;
            if (key.starts_with("user.overlay.")) continue;
            if (auto value = TRY(sys::get_xattr_at(from, path, key)))
                TRY(sys::set_xattr_at(to, name, key, *value));
        }
        return sys::set_mtime_at(to, name, *entry.mtime, 0);
    }

    static Result<> finish(int fd, oci::Owner owner, std::uint32_t mode) {
        TRY(sys::set_owner_at(fd, "", owner.uid, owner.gid));
        // After the owner: chown(2) clears the set-user-id bits.
        return sys::set_mode(fd, mode, "a copy");
    }

    Result<> copy_content(int from, int to, const SelectedEntry& entry, const std::string& name) {
        oci::Hasher hasher;
        std::vector<std::uint8_t> buffer(std::size_t{128} << 10);
        while (true) {
            std::size_t n = TRY(sys::read_some(from, buffer, name));
            if (n == 0) break;
            std::string_view block(reinterpret_cast<const char*>(buffer.data()), n);
            hasher.update(block);
            TRY(sys::write_all(to, block, name));
        }
        if (!entry.content.is_zero() && hasher.finish() != entry.content)
            return fail(Error(Code::failed_precondition, name + " changed during the build")
                            .with_hint("run the build again"));
        return {};
    }

    Result<> copy_single(const SelectedSource& source) {
        const SelectedEntry& entry = source.entries.front();
        sys::UniqueFd from = TRY(sys::open_file_in_root(root_of(source), source.location));
        if (!TRY(sys::attributes_at(from.get(), "")).is_regular())
            return fail(Code::failed_precondition, source.name + " changed during the build");
        TRY(make_parents(source));
        Target target = TRY(target_of(source.name, destination_of(source)));
        sys::UniqueFd to = TRY(create(target));
        TRY(copy_content(from.get(), to.get(), entry, source.name));
        TRY(finish(to.get(), owner_of(entry), mode_of(entry)));
        if (target.through_link) return {};
        return keep_attributes(root_of(source), source.location, target.directory.get(),
                               target.name, entry);
    }

    Result<> copy_inline(const dockerfile::InlineFile& file) {
        Target target = TRY(target_of(file.name, step_.dest));
        sys::UniqueFd to = TRY(create(target));
        TRY(sys::write_all(to.get(), file.content, file.name));
        return finish(to.get(), owner_.value_or(oci::Owner{}), mode_of(SelectedEntry{}));
    }

    // An open directory of the destination while its entries are copied.
    struct Level {
        std::string path;  // below the source
        sys::UniqueFd fd;
    };

    Result<> copy_tree(const SelectedSource& source) {
        const SelectedEntry& top = source.entries.front();
        sys::UniqueFd from = TRY(sys::open_dir_in_root(root_of(source), source.location));
        TRY(make_parents(source));
        const std::string dest = destination_of(source);
        MadeDirectory made = TRY(make_directory(request_.root, dest, owner_of(top)));
        if (made.created) TRY(sys::set_mode(made.fd.get(), mode_of(top), dest));
        std::vector<Level> levels;
        std::size_t index = 0;
        if (made.created) made_.push_back(0);
        levels.push_back({"", std::move(made.fd)});
        for (const SelectedEntry& entry : std::span(source.entries).subspan(1)) {
            std::string parent = parent_of(entry.path);
            // Parents come before children, so the parent is open, perhaps below deeper ones.
            while (levels.back().path != parent) levels.pop_back();
            TRY_IN(copy_entry(from.get(), levels, entry, dest, ++index), entry.path);
        }
        levels.clear();
        return keep_directory_times(source, dest);
    }

    // Once nothing is made in them any more.
    Result<> keep_directory_times(const SelectedSource& source, const std::string& dest) {
        for (std::size_t i : made_) {
            const SelectedEntry& entry = source.entries[i];
            sys::UniqueFd fd = TRY(sys::open_dir_in_root(request_.root, dest + "/" + entry.path));
            if (entry.mtime) TRY(sys::set_mtime_at(fd.get(), ".", *entry.mtime, 0));
        }
        made_.clear();
        return {};
    }

    Result<> copy_entry(int from, std::vector<Level>& levels, const SelectedEntry& entry,
                        const std::string& dest, std::size_t index) {
        int directory = levels.back().fd.get();
        std::string name = base_of(entry.path);
        if (entry.kind == sys::FileKind::directory) {
            bool made = false;
            levels.push_back({entry.path, TRY(enter(directory, name, entry, dest, made))});
            if (made) made_.push_back(index);
            return {};
        }
        TRY(make_room(directory, name));
        oci::Owner owner = owner_of(entry);
        if (entry.kind == sys::FileKind::symlink) {
            TRY(sys::make_symlink_at(entry.target, directory, name));
            TRY(sys::set_owner_at(directory, name, owner.uid, owner.gid));
            return entry.mtime ? sys::set_mtime_at(directory, name, *entry.mtime, 0) : Result<>();
        }
        sys::UniqueFd source = TRY(sys::open_file_in_root(from, entry.path));
        sys::UniqueFd to = TRY(sys::create_file_at(directory, name, 0600));
        TRY(copy_content(source.get(), to.get(), entry, entry.path));
        TRY(finish(to.get(), owner, mode_of(entry)));
        return keep_attributes(from, entry.path, directory, name, entry);
    }

    Result<sys::UniqueFd> enter(int directory, const std::string& name, const SelectedEntry& entry,
                                const std::string& dest, bool& made) {
        auto info = sys::attributes_at(directory, name);
        made = !info.has_value();
        if (!info && info.error().code() == Code::not_found) {
            TRY(sys::make_dir_at(directory, name, 0700));
            sys::UniqueFd fd = TRY(sys::open_dir_at(directory, name));
            oci::Owner owner = owner_of(entry);
            TRY(finish(fd.get(), owner, mode_of(entry)));
            return fd;
        }
        if (!info) return fail(std::move(info).error());
        if (info->is_dir()) return sys::open_dir_at(directory, name);
        // A link to a directory, /lib -> usr/lib for one, stands for it.
        if (info->is_symlink()) {
            std::string path = dest + "/" + entry.path;
            if (auto fd = sys::open_dir_in_root(request_.root, path)) return fd;
        }
        return fail(Code::already_exists, entry.path + " is no directory in the image");
    }

    const CopyRequest& request_;
    const dockerfile::TransferStep& step_;
    std::optional<oci::Owner> owner_;  // absent: as the source's entries say
    std::vector<std::size_t> made_;    // directories of the source at hand, by their entries
    bool several_;                     // then the destination is a directory, with a '/' or without
};

}  // namespace

Result<oci::UserFiles> read_user_files(int root) {
    return oci::UserFiles{TRY(read_regular(root, "/etc/passwd")),
                          TRY(read_regular(root, "/etc/group"))};
}

Result<MadeDirectory> make_directory(int root, const std::string& path, oci::Owner owner) {
    MadeDirectory made{TRY(sys::open_dir_in_root(root, ".")), false};
    std::string done;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        done += "/" + part;
        auto next = sys::open_dir_in_root(root, done);
        made.created = false;
        if (!next && next.error().code() == Code::not_found && part != "..") {
            auto making = sys::make_dir_at(made.fd.get(), part, 0700);
            if (!making && making.error().code() == Code::already_exists)
                return fail(Code::already_exists, done + " is a link that leads nowhere");
            if (!making) return fail(std::move(making).error());
            next = sys::open_dir_at(made.fd.get(), part);
            made.created = next.has_value();
            if (next) {
                TRY(sys::set_owner_at(next->get(), "", owner.uid, owner.gid));
                TRY(sys::set_mode(next->get(), 0755, done));
            }
        } else if (!next && next.error().error_number() == kNotADirectory) {
            return fail(Code::already_exists, done + " is no directory in the image");
        }
        made.fd = TRY(std::move(next));
    }
    return made;
}

Result<> copy_into(const CopyRequest& request) {
    const dockerfile::TransferStep& step = *request.step;
    std::optional<oci::Owner> owner;
    if (!step.chown.empty())
        owner = TRY_IN(oci::resolve_owner(step.chown, TRY(read_user_files(request.root))),
                       "--chown=" + step.chown);
    return Copier(request, owner).run();
}

}  // namespace crank::build
