#include "store/file_index.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/text.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {

namespace {

constexpr std::string_view kMagic = "crank index 1\n\0\0";  // 16 bytes
constexpr std::size_t kHead = 64;                           // magic, then how many entries came
constexpr std::size_t kCountAt = 16;
constexpr std::uint64_t kMinSlots = 1024;
constexpr std::uint64_t kProbes = 32;  // slots in a row that are looked at
constexpr std::size_t kMaxFound = 4;   // equal files: of the first of several layers, say
constexpr unsigned kFullTenths = 8;

std::uint64_t load(std::uint64_t& value) {
    return std::atomic_ref(value).load(std::memory_order_relaxed);
}

std::uint64_t& count_of(void* data) {
    return *reinterpret_cast<std::uint64_t*>(static_cast<char*>(data) + kCountAt);
}

}  // namespace

// An empty one has no place: layers are numbered from 1.
struct FileIndex::Slot {
    std::uint64_t hash;
    std::uint64_t place;  // layer << 32 | file
};

FileIndex::Slot* FileIndex::slot(std::uint64_t number) const {
    auto* first = static_cast<char*>(mapping_.data()) + kHead;
    return reinterpret_cast<Slot*>(first) + number % slots_;
}

std::uint64_t FileIndex::first_slot(FileHash hash) const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(hash) * slots_ >> 64);
}

Result<FileIndex> FileIndex::open(const std::string& path) {
    auto file = TRY(sys::open(path, sys::kReadWrite));
    std::int64_t size = TRY(sys::stat_fd(file.get(), "index")).size;
    auto slots =
        (size - static_cast<std::int64_t>(kHead)) / static_cast<std::int64_t>(sizeof(Slot));
    if (slots < static_cast<std::int64_t>(kMinSlots))
        return fail(Code::corrupt, "the index of files is cut");
    auto mapping = TRY(sys::SharedMapping::map(file.get(), static_cast<std::size_t>(size)));
    if (std::memcmp(mapping.data(), kMagic.data(), kMagic.size()) != 0)
        return fail(Code::corrupt, "the index of files is damaged");
    return FileIndex(std::move(mapping), static_cast<std::uint64_t>(slots));
}

Result<FileIndex> FileIndex::create(const std::string& path, std::size_t entries) {
    std::uint64_t slots = std::max(kMinSlots, std::uint64_t{entries} * 2);
    auto file = TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kExclusive, 0600));
    std::size_t size = kHead + slots * sizeof(Slot);
    // All blocks at once: a write to a mapping cannot say that the disk is full.
    TRY(sys::allocate(file.get(), static_cast<std::int64_t>(size), "the index of files"));
    TRY(sys::write_all(file.get(), kMagic, "the index of files"));
    return FileIndex(TRY(sys::SharedMapping::map(file.get(), size)), slots);
}

std::vector<FileIndex::Place> FileIndex::find(FileHash hash) const {
    std::vector<Place> found;
    std::uint64_t first = first_slot(hash);
    for (std::uint64_t i = 0; i < kProbes && found.size() < kMaxFound; ++i) {
        Slot* at = slot(first + i);
        std::uint64_t place = load(at->place);
        if (place == 0) break;
        if (load(at->hash) == hash)
            found.push_back(
                {static_cast<std::uint32_t>(place >> 32), static_cast<std::uint32_t>(place)});
    }
    return found;
}

bool FileIndex::insert(FileHash hash, Place place) {
    if (count() >= slots_ * kFullTenths / 10) return false;
    std::uint64_t first = first_slot(hash);
    std::size_t equal = 0;
    for (std::uint64_t i = 0; i < kProbes; ++i) {
        Slot* at = slot(first + i);
        if (load(at->place) != 0) {
            if (load(at->hash) == hash && ++equal == kMaxFound) return true;
            continue;
        }
        std::atomic_ref(at->hash).store(hash, std::memory_order_relaxed);
        std::atomic_ref(at->place).store(std::uint64_t{place.layer} << 32 | place.file,
                                         std::memory_order_relaxed);
        std::atomic_ref(count_of(mapping_.data())).fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    return false;
}

std::uint64_t FileIndex::count() const { return load(count_of(mapping_.data())); }

}  // namespace crank::store
