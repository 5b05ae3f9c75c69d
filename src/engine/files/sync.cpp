#include "engine/files/sync.h"

#include "base/text.h"
#include "engine/files/container_root.h"
#include "engine/files/place.h"
#include "engine/files/tree_copy.h"
#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/file_ids.h"
#include "sys/open_flags.h"
#include "sys/own_thread.h"
#include "sys/stream.h"

namespace crank::engine::files {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class Syncing {
public:
    Syncing(int root, int machine) : root_(root), machine_(machine) {}

    Result<> path(const SyncedPath& path) {
        Result<Source> source = find_source(machine_, path.from, false, path.from);
        if (!source && source.error().code() == Code::not_found) return remove(path.to);
        Source found = TRY(std::move(source));
        if (found.directory) {
            TRY(directories(path.to));
            return {};
        }
        return copy(found, path);
    }
    Synced done() const { return done_; }

private:
    Result<> remove(const std::string& to) {
        Result<sys::UniqueFd> directory = sys::open_dir_in_root(root_, parent_of(to));
        if (!directory && directory.error().code() == Code::not_found) return {};
        sys::UniqueFd in = TRY(std::move(directory));
        if (!TRY(sys::open_entry(in.get(), last_of(to)))) return {};
        TRY(sys::remove_entry(in.get(), last_of(to)));
        done_.removed++;
        return {};
    }

    Result<> copy(const Source& source, const SyncedPath& path) {
        sys::UniqueFd directory = TRY(directories(parent_of(path.to)));
        std::string name = last_of(path.to);
        sys::Owner owner = TRY(owner_in(directory.get(), name));
        TreeCopyRequest request{
            .owner = [owner](std::uint32_t, std::uint32_t) { return std::optional(owner); },
            .keep_set_id = true,
            .overwrite = true,
            .left_out = {}};
        TRY(copy_entry(request, source.entry.get(), directory.get(), name, path.from));
        done_.copied++;
        return {};
    }

    static Result<sys::Owner> owner_in(int directory, const std::string& name) {
        Result<sys::Attributes> there = sys::attributes_at(directory, name);
        sys::Attributes from = there ? std::move(*there) : TRY(sys::attributes_at(directory, ""));
        return sys::Owner{from.uid, from.gid};
    }

    // As sys::make_dirs_in_root, with owners.
    Result<sys::UniqueFd> directories(const std::string& path) {
        sys::UniqueFd current = TRY(sys::open_dir_in_root(root_, "."));
        std::string done;
        for (const std::string& part : split(path, '/')) {
            if (part.empty() || part == ".") continue;
            done += "/" + part;
            Result<sys::UniqueFd> next = sys::open_dir_in_root(root_, done);
            if (!next && next.error().code() == Code::not_found && part != "..") {
                sys::Owner owner = TRY(owner_in(current.get(), part));
                TRY_IN(sys::make_dir_at(current.get(), part, 0755), done);
                TRY_IN(sys::set_owner_at(current.get(), part, owner.uid, owner.gid), done);
                next = sys::open_dir_in_root(root_, done);
            }
            current = TRY_IN(std::move(next), done);
        }
        return current;
    }

    int root_, machine_;
    Synced done_;
};

}  // namespace

Result<Synced> sync(const Paths& paths, const Container& container,
                    std::span<const SyncedPath> synced) {
    // Whoever makes files in it is somebody whom its mounts know, for the time of this.
    return sys::on_own_thread([&]() -> Result<Synced> {
        ContainerRoot root = TRY(open_root(paths, container));
        sys::UniqueFd machine = TRY(sys::open("/", sys::kPath | sys::kDirectory));
        TRY(sys::make_files_as(TRY(root.uid_outside(0)), TRY(root.gid_outside(0))));
        Syncing syncing(root.fd.get(), machine.get());
        for (const SyncedPath& path : synced) TRY_IN(syncing.path(path), path.to);
        return syncing.done();
    });
}

}  // namespace crank::engine::files
