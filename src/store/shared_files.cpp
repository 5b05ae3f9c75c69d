#include "store/shared_files.h"

#include <algorithm>

#include "base/text.h"
#include "store/description.h"
#include "store/state.h"
#include "store/tree_path.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kLists = 8;  // layers' lists that are kept in memory
// Of a file that gets another name: half of what ext4 allows, because the layer's own hard links,
// merged trees and repairs want to have some, too.
constexpr std::uint64_t kMostLinks = 32'000;

}  // namespace

bool NewLayer::claim(std::uint64_t inode) {
    std::lock_guard lock(mutex_);
    return inodes_.insert(inode).second;
}

void NewLayer::give_up(std::uint64_t inode) {
    std::lock_guard lock(mutex_);
    inodes_.erase(inode);
}

void NewLayer::came_from(std::uint32_t layer) {
    std::lock_guard lock(mutex_);
    ++sources_[layer];
}

std::uint32_t NewLayer::origin() const {
    for (const auto& [layer, count] : sources_)
        if (count > files_.size() / 2) return layer;
    return 0;
}

void NewLayer::add(File file) {
    std::lock_guard lock(mutex_);
    files_.push_back(std::move(file));
}

std::vector<LayerFile> NewLayer::list() const {
    std::vector<LayerFile> out;
    out.reserve(files_.size());
    for (const File& file : files_) out.push_back({file.path, file.hash});
    return out;
}

void NewLayer::clear() {
    std::lock_guard lock(mutex_);
    files_.clear();
    inodes_.clear();
    sources_.clear();
}

std::string SharedFiles::layer_dir(std::int64_t number) const {
    return root_ + "/l/" + std::to_string(number);
}

SharedFiles::Index SharedFiles::index() {
    std::lock_guard lock(mutex_);
    if (index_ || index_failed_) return index_;
    if (auto opened = FileIndex::open(index_path()))
        index_ = std::make_shared<FileIndex>(std::move(*opened));
    else if (auto made = make_index())
        index_ = *std::move(made);
    else
        index_failed_ = true;  // a full disk, say: nothing is shared then
    return index_;
}

Result<> SharedFiles::each_list(
    const std::function<void(std::int64_t, const std::vector<LayerFile>&)>& see) {
    for (const std::string& name : TRY(sys::list_dir(root_ + "/l"))) {
        std::int64_t number = parse_int(name).value_or(0);
        if (number <= 0 || number > UINT32_MAX) continue;
        auto dir = sys::open_dir(layer_dir(number));
        auto files = dir ? read_layer_files(dir->get()) : Result<std::vector<LayerFile>>();
        if (files) see(number, *files);
    }
    return {};
}

// A file of several layers is found in the first.
Result<SharedFiles::Index> SharedFiles::make_index() {
    std::size_t count = 0;
    TRY(each_list([&](std::int64_t, const auto& files) { count += files.size(); }));
    Owned scratch = TRY(make_owned_dir(root_));
    auto made = FileIndex::create(scratch.path + "/index", count);
    Result<> placed;
    if (made) {
        placed = each_list([&](std::int64_t number, const auto& files) {
            auto layer = static_cast<std::uint32_t>(number);
            for (std::size_t i = 0; i < files.size(); ++i) {
                auto found = made->find(files[i].hash);
                bool other = std::ranges::any_of(
                    found, [&](const auto& place) { return place.layer != layer; });
                if (!other) made->insert(files[i].hash, {layer, static_cast<std::uint32_t>(i)});
            }
        });
        if (placed) placed = sys::rename(scratch.path + "/index", index_path());
    }
    auto removed = sys::remove_tree(scratch.path);
    TRY(std::move(placed));
    TRY(std::move(removed));
    return std::make_shared<FileIndex>(TRY(std::move(made)));
}

SharedFiles::Files SharedFiles::files_of(std::uint32_t layer) {
    std::lock_guard lock(mutex_);
    auto at = std::ranges::find(lists_, layer, &std::pair<std::uint32_t, Files>::first);
    if (at != lists_.end()) {
        Files files = at->second;
        std::rotate(lists_.begin(), at, at + 1);
        return files;
    }
    auto dir = sys::open_dir(layer_dir(layer));
    auto read = dir ? read_layer_files(dir->get()) : Result<std::vector<LayerFile>>();
    Files files = std::make_shared<const std::vector<LayerFile>>(read ? *std::move(read)
                                                                      : std::vector<LayerFile>());
    lists_.emplace_front(layer, files);
    if (lists_.size() > kLists) lists_.pop_back();
    return files;
}

std::optional<SharedFiles::Candidate> SharedFiles::open_candidate(FileIndex::Place place,
                                                                  FileHash hash) {
    Files files = files_of(place.layer);
    if (place.file >= files->size() || (*files)[place.file].hash != hash) return std::nullopt;
    const std::string& path = (*files)[place.file].path;
    auto tree = sys::open_dir(layer_dir(place.layer) + "/fs");
    if (!tree) return std::nullopt;
    auto directory = sys::open_dir_in_root(tree->get(), parent_of(path));
    if (!directory) return std::nullopt;
    Candidate out{.directory = std::move(*directory),
                  .file = {},
                  .name = name_of(path),
                  .found = {},
                  .layer = place.layer};
    auto found = identify(out.directory.get(), out.name);
    if (!found) return std::nullopt;
    auto file = sys::open_file_at(out.directory.get(), out.name);
    if (!file) return std::nullopt;
    out.found = *std::move(found);
    out.file = std::move(*file);
    return out;
}

Result<sys::LinkOutcome> SharedFiles::link(const Candidate& candidate, NewLayer& own, int dirfd,
                                           const std::string& name) {
    if (!own.claim(candidate.found.inode)) return sys::LinkOutcome::missing;
    auto linked = sys::try_link_at(candidate.directory.get(), candidate.name, dirfd, name);
    bool made = linked && *linked == sys::LinkOutcome::made;
    if (made)
        own.came_from(candidate.layer);
    else
        own.give_up(candidate.found.inode);
    return linked;
}

Result<sys::LinkOutcome> SharedFiles::take(const Wanted& wanted, NewLayer& own, int dirfd,
                                           const std::string& name) {
    Index table = index();
    if (!table) return sys::LinkOutcome::missing;
    for (FileIndex::Place place : table->find(wanted.hash)) {
        auto candidate = open_candidate(place, wanted.hash);
        if (!candidate || candidate->found.identity != wanted.identity) continue;
        if (candidate->found.links > kMostLinks) continue;
        auto same = wanted.same_content(candidate->file.get());
        if (!same || !*same) continue;
        auto outcome = TRY(link(*candidate, own, dirfd, name));
        if (outcome == sys::LinkOutcome::made || outcome == sys::LinkOutcome::exists)
            return outcome;
    }
    return sys::LinkOutcome::missing;
}

Result<> SharedFiles::find_all() {
    std::lock_guard lock(mutex_);
    if (!all_.empty()) return {};
    return each_list([&](std::int64_t number, const auto& files) {
        for (std::size_t i = 0; i < files.size(); ++i)
            all_.insert({files[i].hash,
                         {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(i)}});
    });
}

Result<sys::LinkOutcome> SharedFiles::take_by_hash(FileHash hash, NewLayer& own, int dirfd,
                                                   const std::string& name) {
    TRY(find_all());
    auto [from, to] = all_.equal_range(hash);
    for (auto at = from; at != to; ++at) {
        auto candidate = open_candidate(at->second, hash);
        if (!candidate) continue;
        auto found = hash_of_file(candidate->directory.get(), candidate->name);
        if (!found || *found != hash) continue;
        auto outcome = TRY(link(*candidate, own, dirfd, name));
        if (outcome == sys::LinkOutcome::made) return outcome;
    }
    return sys::LinkOutcome::missing;
}

void SharedFiles::add(std::int64_t number, const std::vector<NewLayer::File>& files) {
    Index table = index();
    if (!table || number > UINT32_MAX) return;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].known) continue;
        FileIndex::Place place{static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(i)};
        if (table->insert(files[i].hash, place)) continue;
        // A larger one, of everything that is there now, this layer too.
        std::lock_guard lock(mutex_);
        if (auto larger = make_index()) index_ = *std::move(larger);
        return;
    }
}

Result<> SharedFiles::describe(int layerfd, const NewLayer& layer) {
    if (layer.origin() == 0) return {};
    auto other = sys::open_dir(layer_dir(layer.origin()));
    if (!other) return {};  // it went
    for (const char* name : {"recipe", "files"}) TRY(keep_difference(layerfd, name, other->get()));
    return {};
}

std::uint64_t SharedFiles::version() {
    Index table = index();
    return table ? table->count() : 0;
}

void SharedFiles::forget_layers() {
    std::lock_guard lock(mutex_);
    (void)sys::remove_file(index_path());
    index_.reset();
    index_failed_ = false;
    lists_.clear();
    all_.clear();
}

}  // namespace crank::store
