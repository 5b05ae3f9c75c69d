#include "engine/files/changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "oci/runtime_spec.h"
#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/open_flags.h"
#include "sys/owned_file.h"
#include "sys/stream.h"

namespace crank::engine::files {
namespace {

using Places = std::set<std::string, std::less<>>;

constexpr int kMaxDepth = 250;
constexpr std::size_t kBuffer = std::size_t{128} << 10;
// The second is what an overlay inside a user namespace writes (overlayfs.rst, "userxattr").
constexpr std::array<const char*, 2> kOpaque = {"trusted.overlay.opaque", "user.overlay.opaque"};

bool is_whiteout(const sys::Attributes& attributes) {
    return attributes.is_char_device() && attributes.major == 0 && attributes.minor == 0;
}

// A directory of the image below, or nothing where it is absent or hidden.
sys::UniqueFd open_below(int below, const std::string& name) {
    if (below < 0) return {};
    Result<sys::UniqueFd> dir = sys::open_dir_at(below, name);
    return dir ? std::move(*dir) : sys::UniqueFd();
}

std::optional<sys::Attributes> look_below(int below, const std::string& name) {
    if (below < 0) return std::nullopt;
    Result<sys::Attributes> found = sys::attributes_at(below, name);
    if (!found || is_whiteout(*found)) return std::nullopt;
    return *found;
}

// An entry of the upper directory beside what it stands over.
struct Entry {
    std::string name, path;  // path: absolute
    sys::UniqueFd fd;        // O_PATH
    sys::Attributes attributes;
    std::optional<sys::Attributes> below;
};
Result<std::optional<Entry>> look(int upper, int below, const std::string& name,
                                  const std::string& path) {
    auto fd = TRY_IN(sys::open_entry(upper, name), path);
    if (!fd) return std::optional<Entry>();  // it has just been removed
    sys::Attributes attributes = TRY(sys::attributes_at(fd->get(), ""));
    return std::optional(Entry{name, path, std::move(*fd), attributes, look_below(below, name)});
}

// What was put where a mount goes: an empty file or directory that the image has not.
Result<bool> is_for_mount(const Entry& entry, const Places& places) {
    if (entry.below || !places.contains(entry.path)) return false;
    if (entry.attributes.is_regular()) return entry.attributes.size == 0;
    if (!entry.attributes.is_dir()) return false;
    sys::UniqueFd dir = TRY(sys::open_at(entry.fd.get(), ".", sys::kReadOnly | sys::kDirectory));
    return TRY(sys::list_at(dir.get())).empty();
}

bool leads_to_mount(const std::string& path, const Places& places) {
    auto next = places.lower_bound(path + "/");
    return next != places.end() && next->starts_with(path + "/");
}

Result<bool> is_opaque(int dir) {
    for (const char* attribute : kOpaque)
        if (TRY(sys::get_xattr_at(dir, "", attribute)) == "y") return true;
    return false;
}

class Comparer {
public:
    explicit Comparer(const Places& places) : places_(places) {}

    // Whether anything in the directory changed.
    Result<bool> directory(int upper, int below, const std::string& prefix, int depth) {
        if (depth > kMaxDepth) return fail(Code::unsupported, prefix + " is nested too deeply");
        std::size_t before = changes_.size();
        for (const std::string& name : TRY_IN(sys::list_at(upper), prefix)) {
            auto entry = TRY(look(upper, below, name, prefix + "/" + name));
            if (!entry || TRY(is_for_mount(*entry, places_))) continue;
            TRY(one(*entry, below, depth));
        }
        return changes_.size() != before;
    }

    std::vector<PathChange> take() {
        std::ranges::sort(changes_, {}, &PathChange::path);
        return std::move(changes_);
    }

private:
    void add(Change kind, const std::string& path) { changes_.push_back({kind, path}); }

    Result<> one(const Entry& entry, int below, int depth) {
        if (is_whiteout(entry.attributes)) {
            if (entry.below) add(Change::deleted, entry.path);
            return {};
        }
        if (entry.attributes.is_dir()) return subdirectory(entry, below, depth);
        add(entry.below ? Change::changed : Change::added, entry.path);
        return {};
    }

    Result<> subdirectory(const Entry& entry, int below, int depth) {
        sys::UniqueFd dir =
            TRY_IN(sys::open_at(entry.fd.get(), ".", sys::kReadOnly | sys::kDirectory), entry.path);
        sys::UniqueFd lower = open_below(below, entry.name);
        bool opaque = TRY(is_opaque(dir.get()));
        bool within = TRY(directory(dir.get(), opaque ? -1 : lower.get(), entry.path, depth + 1));
        if (opaque && lower) within |= TRY(hidden(dir.get(), lower.get(), entry.path));
        if (!entry.below) {
            if (within || !leads_to_mount(entry.path, places_)) add(Change::added, entry.path);
            return {};
        }
        // Its time alone says no more than what is in it.
        bool differs = entry.below->mode != entry.attributes.mode ||
                       entry.below->uid != entry.attributes.uid ||
                       entry.below->gid != entry.attributes.gid;
        if (within || differs) add(Change::changed, entry.path);
        return {};
    }

    // What a directory that replaced another no longer shows.
    Result<bool> hidden(int dir, int lower, const std::string& path) {
        bool any = false;
        for (const std::string& name : TRY(sys::list_at(lower)))
            if (!sys::attributes_at(dir, name)) {
                add(Change::deleted, path + "/" + name);
                any = true;
            }
        return any;
    }

    const Places& places_;
    std::vector<PathChange> changes_;
};

class LayerCopier {
public:
    explicit LayerCopier(const Places& places) : places_(places), buffer_(kBuffer) {}

    // Whether anything was put into `target`.
    Result<bool> directory(int upper, int below, int target, const std::string& prefix, int depth) {
        if (depth > kMaxDepth) return fail(Code::unsupported, prefix + " is nested too deeply");
        bool any = false;
        for (const std::string& name : TRY_IN(sys::list_at(upper), prefix)) {
            auto entry = TRY(look(upper, below, name, prefix + "/" + name));
            if (!entry || TRY(is_for_mount(*entry, places_))) continue;
            any |= TRY_IN(one(*entry, below, target, depth), entry->path);
        }
        return any;
    }

private:
    Result<bool> one(const Entry& entry, int below, int target, int depth) {
        const sys::Attributes& attributes = entry.attributes;
        if (attributes.is_socket()) return false;  // as in every layer
        if (attributes.is_dir()) return subdirectory(entry, below, target, depth);
        if (attributes.is_regular()) return file(entry, target);
        if (attributes.is_symlink())
            TRY(sys::make_symlink_at(TRY(sys::link_target(entry.fd.get(), entry.name)), target,
                                     entry.name));
        else
            TRY(sys::make_node_at(target, entry.name, attributes.mode, attributes.major,
                                  attributes.minor));
        TRY(sys::set_owner_at(target, entry.name, attributes.uid, attributes.gid));
        TRY(sys::set_mtime_at(target, entry.name, attributes.mtime, attributes.mtime_ns));
        return true;
    }

    static Result<> finish(int fd, const Entry& entry) {
        const sys::Attributes& attributes = entry.attributes;
        TRY(sys::set_owner(fd, attributes.uid, attributes.gid, entry.name));
        TRY(sys::set_mode(fd, attributes.mode & 07777, entry.name));
        return sys::set_mtime(fd, attributes.mtime, attributes.mtime_ns, entry.name);
    }

    Result<bool> file(const Entry& entry, int target) {
        const sys::Attributes& attributes = entry.attributes;
        if (attributes.links > 1) {
            auto [first, inserted] =
                linked_.try_emplace({attributes.device, attributes.inode}, Name{});
            if (!inserted) {
                TRY(sys::hard_link_at(first->second.directory.get(), first->second.name, target,
                                      entry.name));
                return true;
            }
            first->second = {TRY(sys::open_at(target, ".", sys::kPath | sys::kDirectory)),
                             entry.name};
        }
        sys::UniqueFd source = TRY(sys::reopen_for_reading(entry.fd.get(), entry.name));
        sys::UniqueFd copy = TRY(sys::create_file_at(target, entry.name, 0600));
        TRY(sys::copy_bytes(source.get(), copy.get(), attributes.size, buffer_, entry.name));
        TRY(finish(copy.get(), entry));
        // Last: chown(2) clears it.
        constexpr char kCapability[] = "security.capability";
        if (auto value = TRY(sys::extended_attribute(entry.fd.get(), kCapability)))
            TRY(sys::set_xattr(copy.get(), kCapability, *value, entry.name));
        return true;
    }

    Result<bool> subdirectory(const Entry& entry, int below, int target, int depth) {
        sys::UniqueFd dir =
            TRY(sys::open_at(entry.fd.get(), ".", sys::kReadOnly | sys::kDirectory));
        sys::UniqueFd lower = open_below(below, entry.name);
        TRY(sys::make_dir_at(target, entry.name, 0700));
        sys::UniqueFd made = TRY(sys::open_dir_at(target, entry.name));
        bool opaque = false;
        for (const char* attribute : kOpaque)
            if (TRY(sys::get_xattr_at(dir.get(), "", attribute)) == "y") {
                TRY(sys::set_xattr(made.get(), attribute, "y", entry.name));
                opaque = true;
            }
        bool within =
            TRY(directory(dir.get(), opaque ? -1 : lower.get(), made.get(), entry.path, depth + 1));
        if (!within && !entry.below && leads_to_mount(entry.path, places_)) {
            TRY(sys::remove_at(target, entry.name));
            return false;
        }
        TRY(finish(made.get(), entry));
        return true;
    }

    struct Name {
        sys::UniqueFd directory;
        std::string name;
    };
    const Places& places_;
    std::vector<std::uint8_t> buffer_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, Name> linked_;
};

Result<std::int64_t> bytes_below(int directory, std::set<std::uint64_t>& seen, int depth) {
    std::int64_t bytes = 0;
    if (depth > kMaxDepth) return bytes;
    for (const std::string& name : TRY(sys::list_at(directory))) {
        Result<sys::Attributes> attributes = sys::attributes_at(directory, name);
        if (!attributes) continue;  // it has just been removed
        if (attributes->is_regular() && seen.insert(attributes->inode).second)
            bytes += attributes->size;
        if (!attributes->is_dir()) continue;
        if (Result<sys::UniqueFd> below = sys::open_dir_at(directory, name))
            bytes += TRY(bytes_below(below->get(), seen, depth + 1));
    }
    return bytes;
}

}  // namespace

Places mount_points(const Record& record) {
    Places places;
    Result<oci::RuntimeSpec> spec = oci::parse_runtime_spec(record.spec);
    if (!spec) return places;
    for (const oci::Mount& mount : spec->mounts) places.insert(mount.destination);
    return places;
}

Result<std::vector<PathChange>> changes(int upper, int below, const Places& mount_points) {
    Comparer comparer(mount_points);
    TRY(comparer.directory(upper, below, "", 0));
    return comparer.take();
}

Result<std::int64_t> bytes_of(int directory) {
    std::set<std::uint64_t> seen;
    return bytes_below(directory, seen, 0);
}

Result<> copy_changes(int upper, int below, int target, const Places& mount_points) {
    LayerCopier copier(mount_points);
    TRY(copier.directory(upper, below, target, "", 0));
    return {};
}

}  // namespace crank::engine::files
