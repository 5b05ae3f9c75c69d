#include "store/prune.h"

#include <algorithm>
#include <map>

#include "base/units.h"

namespace crank::store {

namespace {

using Numbers = std::vector<std::int64_t>;

std::string layer_dir(const Store& store, std::int64_t number) {
    return store.root() + "/l/" + std::to_string(number);
}

// Which layers belong to which image, and the build cache's own.
struct Inventory {
    std::vector<Image> images;  // newest first
    std::map<std::int64_t, Numbers> layers_of;
    std::vector<CacheUse> cache;  // used longest ago first

    static Result<Inventory> take(Store& store) {
        Inventory out;
        out.images = TRY(store.list());
        for (const LayerUse& use : TRY(store.layers()))
            for (std::int64_t image : use.images) out.layers_of[image].push_back(use.layer.number);
        out.cache = TRY(store.cache_list());
        return out;
    }
    Result<std::int64_t> add_image(const Store& store, DiskUse& disk, const Image& image) const {
        std::int64_t bytes = 0;
        auto layers = layers_of.find(image.number);
        if (layers == layers_of.end()) return bytes;
        for (std::int64_t number : layers->second) bytes += TRY(disk.add(layer_dir(store, number)));
        return bytes;
    }
};

// Everything but the layers' trees.
Result<std::int64_t> add_rest(const Store& store, DiskUse& disk) {
    const std::string& root = store.root();
    std::int64_t bytes = TRY(disk.add_directories(root + "/m"));
    for (const char* name :
         {"/crank.db", "/crank.db-journal", "/locks", "/reserve", "/format", "/index"})
        bytes += TRY(disk.add(root + name));
    for (const char* name : {"", "/l", "/tmp"}) bytes += TRY(disk.add_alone(root + name));
    return bytes;
}

// What is left when the trees are counted.
Result<std::int64_t> add_leftovers(const Store& store, DiskUse& disk) {
    std::int64_t bytes = 0;
    for (const char* name : {"/l", "/m", "/tmp"}) bytes += TRY(disk.add(store.root() + name));
    return bytes;
}

Result<std::int64_t> store_bytes(const Store& store) {
    DiskUse disk;
    return TRY(add_rest(store, disk)) + TRY(add_leftovers(store, disk));
}

// False: something is using it.
Result<bool> remove_image(Store& store, const Image& image, Pruned& pruned) {
    // By each tag: an id with several is refused.
    std::vector<std::string> names = image.tags;
    if (names.empty()) names.push_back(image.id.str());
    for (const std::string& name : names) {
        auto removed = store.remove(name);
        if (!removed && removed.error().code() == Code::in_use) return false;
        if (!removed && removed.error().code() == Code::not_found) return true;
        for (std::string& line : TRY(std::move(removed))) pruned.images.push_back(std::move(line));
    }
    return true;
}

}  // namespace

Result<Usage> measure(Store& store, const std::set<std::string>& in_use, DiskUse& disk) {
    Inventory inventory = TRY(Inventory::take(store));
    Usage usage;
    usage.image_count = inventory.images.size();
    usage.cache_count = inventory.cache.size();
    for (bool used : {true, false})
        for (const Image& image : inventory.images) {
            if (in_use.contains(image.id.str()) != used) continue;
            std::int64_t bytes = TRY(inventory.add_image(store, disk, image));
            usage.images += bytes;
            if (used) ++usage.used_image_count;
            if (!used) usage.unused_images += bytes;
        }
    for (const CacheUse& entry : inventory.cache)
        if (entry.layer) usage.cache += TRY(disk.add(layer_dir(store, *entry.layer)));
    usage.rest = TRY(add_rest(store, disk)) + TRY(add_leftovers(store, disk));
    return usage;
}

Result<Pruned> prune(Store& store, const PruneRequest& request) {
    Pruned pruned;
    std::int64_t before = TRY(store_bytes(store));
    for (const Image& image : TRY(store.list())) {
        bool wanted = (image.tags.empty() || request.tagged_too) && image.added < request.before;
        if (wanted && !request.in_use.contains(image.id.str()))
            TRY(remove_image(store, image, pruned));
    }
    // An entry whose layer an image has costs nothing, and saves the step.
    std::set<std::int64_t> needed;
    for (const LayerUse& use : TRY(store.layers()))
        if (!use.images.empty()) needed.insert(use.layer.number);
    std::vector<oci::Digest> keys;
    for (const CacheUse& entry : TRY(store.cache_list()))
        if (entry.layer && !needed.contains(*entry.layer) && entry.used < request.before)
            keys.push_back(entry.key);
    TRY(store.cache_drop(keys));
    TRY(store.collect());
    pruned.cache_entries = keys.size();
    pruned.bytes = before - TRY(store_bytes(store));
    return pruned;
}

namespace {

// Counts in the order of worth; what does not fit any more is to go.
class Ceiling {
public:
    Ceiling(Store& store, std::int64_t limit) : store_(store), limit_(limit) {}

    Result<> count(const Inventory& inventory, const std::set<std::string>& in_use,
                   const std::vector<std::string>& others) {
        for (const std::string& path : others) others_ += TRY(disk_.add(path));
        needed_ = others_ + TRY(add_rest(store_, disk_));
        auto is_needed = [&](const Image& image) {
            return !image.tags.empty() || in_use.contains(image.id.str());
        };
        for (const Image& image : inventory.images)
            if (is_needed(image)) needed_ += TRY(inventory.add_image(store_, disk_, image));
        std::int64_t bytes = needed_;
        std::set<std::int64_t> kept;
        for (const Image& image : inventory.images) {
            if (!is_needed(image)) bytes += TRY(inventory.add_image(store_, disk_, image));
            bool goes = !is_needed(image) && bytes > limit_;
            if (goes) images.push_back(image);
            if (auto own = inventory.layers_of.find(image.number);
                !goes && own != inventory.layers_of.end())
                kept.insert(own->second.begin(), own->second.end());
        }
        // Newest first. What an image keeps anyway costs nothing.
        for (auto entry = inventory.cache.rbegin(); entry != inventory.cache.rend(); ++entry) {
            if (!entry->layer || kept.contains(*entry->layer)) continue;
            bytes += TRY(disk_.add(layer_dir(store_, *entry->layer)));
            if (bytes > limit_) keys.push_back(entry->key);
        }
        return {};
    }
    Result<> check() const {
        if (needed_ <= limit_) return {};
        return fail(
            Error(Code::exhausted, "images with a tag or a container need " +
                                       format_size(needed_ - others_) + " and the rest of " +
                                       store_.root() + " " + format_size(others_) +
                                       ", storage.max is " + format_size(limit_))
                .with_hint("crank df shows what is there; crank rmi or crank prune -a makes room, "
                           "crank config set storage.max raises the limit"));
    }
    std::vector<oci::Digest> keys;
    std::vector<Image> images;

private:
    Store& store_;
    std::int64_t limit_, needed_ = 0, others_ = 0;
    DiskUse disk_;
};

}  // namespace

Result<Pruned> keep_below(Store& store, std::int64_t limit, const std::set<std::string>& in_use,
                          const std::vector<std::string>& others) {
    TRY(store.collect());
    Ceiling ceiling(store, limit);
    TRY(ceiling.count(TRY(Inventory::take(store)), in_use, others));
    Pruned pruned;
    if (!ceiling.keys.empty() || !ceiling.images.empty()) {
        std::int64_t before = TRY(store_bytes(store));
        TRY(store.cache_drop(ceiling.keys));
        for (const Image& image : ceiling.images) TRY(remove_image(store, image, pruned));
        pruned.cache_entries = ceiling.keys.size();
        pruned.bytes = before - TRY(store_bytes(store));
    }
    TRY(ceiling.check());
    return pruned;
}

}  // namespace crank::store
