// The files of a tree that is complete, replaced by those that other layers have.
#include <atomic>

#include "store/shared_files.h"
#include "store/tree_path.h"
#include "sys/attributes.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {

namespace {

// A name in the scratch directory that nobody else uses.
std::string temporary_name() {
    static std::atomic<unsigned> counter{0};
    return "new-" + std::to_string(sys::own_pid()) + "-" + std::to_string(counter++);
}

// The directory of the file that was last looked at, and the time that it is to keep.
class Parent {
public:
    explicit Parent(int treefd) : treefd_(treefd) {}

    Result<int> enter(const std::string& path) {
        std::string wanted = parent_of(path);
        if (dir_ && wanted == path_) return dir_.get();
        TRY(leave());
        dir_ = TRY(sys::open_dir_in_root(treefd_, wanted));
        before_ = TRY(sys::attributes_at(dir_.get(), ""));
        path_ = std::move(wanted);
        return dir_.get();
    }
    void touched() { touched_ = true; }
    Result<> leave() {
        if (dir_ && touched_)
            TRY(sys::set_mtime_at(dir_.get(), "", before_.mtime, before_.mtime_ns));
        touched_ = false;
        return {};
    }

private:
    int treefd_;
    sys::UniqueFd dir_;
    sys::Attributes before_;
    std::string path_;
    bool touched_ = false;
};

class TreeSharer {
public:
    TreeSharer(SharedFiles& shared, NewLayer& own, int scratchfd, int treefd)
        : shared_(shared), own_(own), scratchfd_(scratchfd), parent_(treefd) {}

    // All names of one file; false: it stays as it is.
    Result<bool> share(FileHash hash, const std::vector<const std::string*>& paths) {
        const std::string& first = *paths.front();
        int dirfd = TRY(parent_.enter(first));
        auto found = TRY(identify(dirfd, name_of(first)));
        // Not all of its names are known: they have to stay one file.
        if (found.links != paths.size()) return false;
        auto file = TRY(sys::open_file_at(dirfd, name_of(first)));
        SharedFiles::Wanted wanted{hash, found.identity, [&](int other) {
                                       return same_content(file.get(), other, found.identity.size);
                                   }};
        std::string taken = temporary_name();
        // Its own inode is no candidate.
        if (!own_.claim(found.inode)) return false;
        auto outcome = TRY(shared_.take(wanted, own_, scratchfd_, taken));
        if (outcome != sys::LinkOutcome::made) return false;
        for (const std::string* path : paths) {
            if (TRY(put(taken, *path))) continue;
            // It takes no more names: back to the file that the rest still is.
            for (const std::string* done : paths) {
                if (done == path) break;
                TRY(link_again(*path, *done));
            }
            TRY(sys::remove_at(scratchfd_, taken));
            return false;
        }
        TRY(sys::remove_at(scratchfd_, taken));
        own_.give_up(found.inode);
        return true;
    }
    Result<> finish() { return parent_.leave(); }

private:
    // Makes `path` another name of the file scratch/`taken`. False: it has too many.
    Result<bool> put(const std::string& taken, const std::string& path) {
        std::string between = temporary_name();
        auto linked = TRY(sys::try_link_at(scratchfd_, taken, scratchfd_, between));
        if (linked == sys::LinkOutcome::full) return false;
        if (linked != sys::LinkOutcome::made)
            return fail(Code::io, "cannot link " + path + " to a file of another layer");
        TRY(replace(between, path));
        return true;
    }
    Result<> link_again(const std::string& from, const std::string& to) {
        std::string between = temporary_name();
        int dirfd = TRY(parent_.enter(from));
        if (TRY(sys::try_link_at(dirfd, name_of(from), scratchfd_, between)) !=
            sys::LinkOutcome::made)
            return fail(Code::io, "cannot link " + to + " to " + from);
        return replace(between, to);
    }
    Result<> replace(const std::string& between, const std::string& path) {
        int dirfd = TRY(parent_.enter(path));
        TRY(sys::rename_at(scratchfd_, between, dirfd, name_of(path)));
        parent_.touched();
        return {};
    }

    SharedFiles& shared_;
    NewLayer& own_;
    int scratchfd_;
    Parent parent_;
};

}  // namespace

Result<> share_tree(SharedFiles& shared, NewLayer& layer, int scratchfd, int treefd,
                    const std::vector<TreeFile>& files) {
    std::map<std::uint64_t, std::vector<const std::string*>> names;
    for (const TreeFile& file : files) names[file.inode].push_back(&file.path);
    TreeSharer sharer(shared, layer, scratchfd, treefd);
    for (const TreeFile& file : files) {
        const auto& paths = names[file.inode];
        if (&file.path != paths.front()) continue;
        bool known = TRY(sharer.share(file.hash, paths));
        layer.add({file.path, file.hash, known});
    }
    return sharer.finish();
}

Result<> share_rest(SharedFiles& shared, NewLayer& layer, int scratchfd, int treefd) {
    TreeSharer sharer(shared, layer, scratchfd, treefd);
    for (NewLayer::File& file : layer.files())
        if (!file.known) file.known = TRY(sharer.share(file.hash, {&file.path}));
    return sharer.finish();
}

}  // namespace crank::store
