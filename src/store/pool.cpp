#include "store/pool.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/text.h"
#include "store/overlay.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {

namespace {

constexpr std::size_t kPrefix = 2;  // digits that name the directory of an entry
constexpr std::size_t kDigits = 64;
constexpr std::size_t kRecord = 36;  // bytes of a key in l/N/keys: the digest, then the turn
constexpr std::size_t kMaxKeys = std::size_t{4'000'000} * kRecord;

std::string number_text(std::int64_t number) { return std::to_string(number) + "\n"; }

// A name below o/ that is no entry's and nobody else's.
std::string temporary_name() {
    static std::atomic<unsigned> counter{0};
    return "new-" + std::to_string(sys::own_pid()) + "-" + std::to_string(counter++);
}

}  // namespace

std::string PoolKey::path() const {
    std::string out = digest.hex();
    out.insert(kPrefix, 1, '/');
    if (turn != 0) out += "." + std::to_string(turn);
    return out;
}

Result<PoolKey> PoolKey::parse(std::string_view digits) {
    PoolKey key;
    key.digest = TRY(oci::Digest::from_hex_text(digits.substr(0, kDigits)));
    if (digits.size() <= kDigits) return key;
    auto turn = parse_int(digits.substr(kDigits + 1));
    if (digits[kDigits] != '.' || !turn || *turn < 1 || *turn > UINT32_MAX)
        return fail(Code::invalid_argument, std::string(digits) + " names no file of the pool");
    key.turn = static_cast<std::uint32_t>(*turn);
    return key;
}

FileHasher::FileHasher(const TarEntry& file) {
    std::string head = "crank file 1\n";
    for (std::int64_t number : {static_cast<std::int64_t>(file.mode & 07777), file.uid, file.gid,
                                file.mtime, static_cast<std::int64_t>(file.mtime_ns), file.size})
        head += number_text(number);
    for (const auto& [key, value] : file.xattrs) {
        if (!is_content_xattr(key)) continue;
        for (const std::string& text : {key, value})
            head += number_text(static_cast<std::int64_t>(text.size())) + text;
    }
    hasher_.update(head + "\n");
}

Result<oci::Digest> digest_of_file(int dirfd, const std::string& name) {
    auto attributes = TRY(sys::attributes_at(dirfd, name));
    TarEntry entry;
    entry.mode = attributes.mode & 07777;
    entry.uid = attributes.uid;
    entry.gid = attributes.gid;
    entry.mtime = attributes.mtime;
    entry.mtime_ns = attributes.mtime_ns;
    entry.size = attributes.size;
    for (const std::string& key : TRY(sys::list_xattrs_at(dirfd, name)))
        if (is_content_xattr(key))
            if (auto value = TRY(sys::get_xattr_at(dirfd, name, key))) entry.xattrs[key] = *value;
    FileHasher hasher(entry);
    auto file = TRY(sys::open_file_at(dirfd, name));
    FdSource source(file.get(), name);
    TRY(copy_all(source, [&](Bytes bytes) -> Result<> {
        hasher.update(bytes);
        return {};
    }));
    return hasher.finish();
}

bool is_shareable(const std::string& path, std::int64_t size) {
    if (size == 0) return false;
    return path != "etc/crontab" && !path.starts_with("etc/cron.") &&
           !path.starts_with("var/spool/cron/");
}

Result<Pool> Pool::open(const std::string& root) {
    if (auto made = sys::make_dir(root + "/o", 0700);
        !made && made.error().code() != Code::already_exists)
        return fail(std::move(made).error());
    return Pool(TRY(sys::open_dir(root + "/o")));
}

Result<sys::LinkOutcome> Pool::take(const PoolKey& key, int dirfd, const std::string& name) const {
    return sys::try_link_at(dir_.get(), key.path(), dirfd, name);
}

Result<Pool::Shared> Pool::share(const PoolKey& key, int dirfd, const std::string& name) const {
    std::string path = key.path();
    for (int attempt = 0; attempt < 3; ++attempt) {
        switch (TRY(sys::try_link_at(dirfd, name, dir_.get(), path))) {
            case sys::LinkOutcome::made: return Shared::given;
            case sys::LinkOutcome::full:
            case sys::LinkOutcome::refused: return Shared::no;
            case sys::LinkOutcome::missing: {
                auto made = sys::make_dir_at(dir_.get(), path.substr(0, kPrefix), 0700);
                if (!made && made.error().code() != Code::already_exists)
                    return fail(std::move(made).error());
                break;
            }
            case sys::LinkOutcome::exists: {
                Shared replaced = TRY(replace(key, dirfd, name));
                if (replaced != Shared::no) return replaced;
            }
        }
    }
    return Shared::no;
}

// `no`: the entry was collected meanwhile.
Result<Pool::Shared> Pool::replace(const PoolKey& key, int dirfd, const std::string& name) const {
    std::string path = key.path(), between = temporary_name();
    switch (TRY(sys::try_link_at(dir_.get(), path, dir_.get(), between))) {
        case sys::LinkOutcome::made:
            TRY(sys::rename_at(dir_.get(), between, dirfd, name));
            return Shared::replaced;
        case sys::LinkOutcome::full:
            // From here on the new file is the entry; the old one stays with its layers.
            if (TRY(sys::try_link_at(dirfd, name, dir_.get(), between)) != sys::LinkOutcome::made)
                return Shared::no;
            TRY(sys::rename_at(dir_.get(), between, dir_.get(), path));
            return Shared::given;
        default: return Shared::no;
    }
}

Result<> Pool::drop_unused(const std::vector<PoolKey>& keys) const {
    for (const PoolKey& key : keys) {
        std::string path = key.path();
        auto attributes = sys::attributes_at(dir_.get(), path);
        if (attributes && attributes->links == 1) {
            auto removed = sys::remove_at(dir_.get(), path);
            if (!removed && removed.error().code() != Code::not_found) return removed;
        }
    }
    return {};
}

Result<Pool::Swept> Pool::sweep() const {
    constexpr std::int64_t kBlock = 512;  // stat(2), st_blocks
    Swept swept;
    for (const std::string& prefix : TRY(sys::list_at(dir_.get()))) {
        auto dir = sys::open_dir_at(dir_.get(), prefix);
        if (!dir) {
            // What a killed command had in hand between two names.
            if (prefix.starts_with("new-")) (void)sys::remove_at(dir_.get(), prefix);
            continue;
        }
        for (const std::string& name : TRY(sys::list_at(dir->get()))) {
            auto attributes = sys::attributes_at(dir->get(), name);
            if (!attributes || attributes->links != 1) continue;
            if (!sys::remove_at(dir->get(), name)) continue;  // another command did
            ++swept.entries;
            swept.bytes += attributes->blocks * kBlock;
        }
    }
    return swept;
}

Result<> LayerKeys::write(int dirfd) const {
    std::string out;
    out.reserve(keys_.size() * kRecord);
    for (const PoolKey& key : keys_) {
        out.append(reinterpret_cast<const char*>(key.digest.bytes().data()), 32);
        for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(key.turn >> shift);
    }
    auto file = TRY(sys::create_file_at(dirfd, "keys", 0600));
    return sys::write_all(file.get(), out, "keys");
}

Result<std::vector<PoolKey>> LayerKeys::read(int dirfd) {
    std::vector<PoolKey> keys;
    auto file = sys::open_file_at(dirfd, "keys");
    if (!file && file.error().code() == Code::not_found) return keys;
    std::string text = TRY(sys::read_all(TRY(std::move(file)).get(), kMaxKeys, "keys"));
    if (text.size() % kRecord != 0) return fail(Code::corrupt, "a layer's list of files is cut");
    for (std::size_t at = 0; at < text.size(); at += kRecord) {
        std::array<std::uint8_t, 32> digest;
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), 32, digest.begin());
        PoolKey key{oci::Digest(digest), 0};
        for (std::size_t i = 0; i < 4; ++i)
            key.turn |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[at + 32 + i]))
                        << (8 * i);
        keys.push_back(key);
    }
    return keys;
}

namespace {

// The directory of the file that was last looked at, and the time that it is to keep.
class Parent {
public:
    explicit Parent(int treefd) : treefd_(treefd) {}

    Result<int> enter(const std::string& path) {
        std::size_t slash = path.rfind('/');
        std::string wanted = slash == std::string::npos ? "" : path.substr(0, slash);
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

}  // namespace

namespace {

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class TreeSharer {
public:
    TreeSharer(const Pool& pool, int treefd) : pool_(pool), treefd_(treefd), parent_(treefd) {}

    // All names of one file; false: it stays as it is.
    Result<bool> share(const PoolKey& key, const std::vector<const std::string*>& paths) {
        const std::string& first = *paths.front();
        int dirfd = TRY(parent_.enter(first));
        Pool::Shared shared = TRY(pool_.share(key, dirfd, name_of(first)));
        if (shared != Pool::Shared::replaced) return shared == Pool::Shared::given;
        parent_.touched();
        for (std::size_t i = 1; i < paths.size(); ++i) {
            if (TRY(rename_over(first, *paths[i]))) continue;
            // The entry takes no more names: back to the file that the rest still is.
            for (std::size_t done = 0; done < i; ++done) TRY(rename_over(*paths[i], *paths[done]));
            return false;
        }
        return true;
    }
    Result<> finish() { return parent_.leave(); }

private:
    // Makes `to` another name of the file `from`. False: it has too many.
    Result<bool> rename_over(const std::string& from, const std::string& to) {
        std::string between = temporary_name();
        auto linked = TRY(sys::try_link_at(treefd_, from, pool_.fd(), between));
        if (linked == sys::LinkOutcome::full) return false;
        if (linked != sys::LinkOutcome::made)
            return fail(Code::io, "cannot link " + to + " to " + from);
        int dirfd = TRY(parent_.enter(to));
        TRY(sys::rename_at(pool_.fd(), between, dirfd, name_of(to)));
        parent_.touched();
        return true;
    }

    const Pool& pool_;
    int treefd_;
    Parent parent_;
};

}  // namespace

Result<> share_tree(const Pool& pool, LayerKeys& keys, int treefd,
                    const std::vector<TreeFile>& files) {
    std::map<std::uint64_t, std::vector<const std::string*>> names;
    for (const TreeFile& file : files) names[file.inode].push_back(&file.path);
    TreeSharer sharer(pool, treefd);
    for (const TreeFile& file : files) {
        const auto& paths = names[file.inode];
        if (&file.path != paths.front()) continue;
        PoolKey key = keys.next(file.digest);
        if (TRY(sharer.share(key, paths))) keys.add(key);
    }
    return sharer.finish();
}

}  // namespace crank::store
