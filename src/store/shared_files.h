// One inode for all regular files that are the same, whichever layers hold them: those of a new
// layer are linked to those of earlier ones. Internal to store. docs/decisions/0016.
//
// Nothing owns a file but the trees that have it. Which file is where is found by file_index.h, and
// compared before it is used, so that a wrong hint or a damaged file does no harm.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/file_index.h"
#include "store/layer_files.h"
#include "sys/link.h"
#include "sys/unique_fd.h"

namespace crank::store {

// The files of a layer that is being made. May be used by several threads.
class NewLayer {
public:
    // A file of the layer is that inode. Those that are the same stay apart, because two names of
    // one inode within a layer read as hard links, in its tar and for `cp -a` in a container.
    bool claim(std::uint64_t inode);  // false: another one is it already
    void give_up(std::uint64_t inode);
    // One of its files came from that layer.
    void came_from(std::uint32_t layer);
    // The one that most of its files came from; 0: none that more than half came from.
    std::uint32_t origin() const;

    struct File {
        std::string path;
        FileHash hash = 0;
        bool known = false;  // it came from another layer
    };
    void add(File file);
    // Once nobody adds.
    std::vector<File>& files() { return files_; }
    // The same as l/N/files holds it.
    std::vector<LayerFile> list() const;
    void clear();

private:
    std::mutex mutex_;
    std::set<std::uint64_t> inodes_;
    std::map<std::uint32_t, std::size_t> sources_;  // layers, and how many files came from each
    std::vector<File> files_;
};

// May be used by several threads.
class SharedFiles {
public:
    explicit SharedFiles(std::string root) : root_(std::move(root)) {}

    struct Wanted {
        FileHash hash = 0;
        FileIdentity identity;
        std::function<Result<bool>(int fd)> same_content;  // of a file of the same identity
    };
    // Makes dirfd/name a link to such a file. missing: there is none; exists: the name is taken.
    Result<sys::LinkOutcome> take(const Wanted& wanted, NewLayer& own, int dirfd,
                                  const std::string& name);
    // A file that has this hash, wherever it is, for repairs: whether it is the right one shows in
    // the layer's digest.
    Result<sys::LinkOutcome> take_by_hash(FileHash hash, NewLayer& own, int dirfd,
                                          const std::string& name);
    // Enters a layer's files; those that came from another layer are known already. Failures are
    // none: then they are not found.
    void add(std::int64_t number, const std::vector<NewLayer::File>& files);
    // Keeps what describes the layer in its directory as the difference to the layer that it is
    // mostly made of (description.h).
    Result<> describe(int layerfd, const NewLayer& layer);
    // Changes whenever files came, of this process or another.
    std::uint64_t version();
    // After layers went: their files may still be part of others, which the index is to find.
    void forget_layers();

private:
    using Files = std::shared_ptr<const std::vector<LayerFile>>;
    using Index = std::shared_ptr<FileIndex>;
    struct Candidate {
        sys::UniqueFd directory, file;
        std::string name;
        FoundFile found;
        std::uint32_t layer = 0;
    };
    std::string index_path() const { return root_ + "/index"; }
    std::string layer_dir(std::int64_t number) const;
    Index index();  // nullptr: there is none to be had
    Result<Index> make_index();
    Files files_of(std::uint32_t layer);
    // In one pass over the lists of all layers.
    Result<> each_list(const std::function<void(std::int64_t, const std::vector<LayerFile>&)>& see);
    Result<> find_all();
    std::optional<Candidate> open_candidate(FileIndex::Place place, FileHash hash);
    Result<sys::LinkOutcome> link(const Candidate& candidate, NewLayer& own, int dirfd,
                                  const std::string& name);

    std::string root_;
    std::mutex mutex_;  // guards what follows
    Index index_;
    bool index_failed_ = false;
    std::deque<std::pair<std::uint32_t, Files>> lists_;  // those used last, newest first
    std::multimap<FileHash, FileIndex::Place> all_;      // once there was something to repair
};

// A file of a tree that layer_tar.h has walked.
struct TreeFile {
    std::string path;
    std::uint64_t inode = 0;
    FileHash hash = 0;  // of a further hard link: its first name's
};
// Replaces those of the tree's files that other layers have, keeps the directories' times, and adds
// all of them to `layer`. `scratchfd`: a directory beside the tree.
Result<> share_tree(SharedFiles& shared, NewLayer& layer, int scratchfd, int treefd,
                    const std::vector<TreeFile>& files);
// The same for those of the layer's files that came from nowhere.
Result<> share_rest(SharedFiles& shared, NewLayer& layer, int scratchfd, int treefd);

}  // namespace crank::store
