#include "store/contents.h"

#include <algorithm>

#include "store/byte_source.h"
#include "store/overlay.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kShown = 10;
constexpr std::int64_t kWorthSharing = 4096;  // bytes

struct Found {
    sys::Attributes attributes;
    std::string target;  // of a symbolic link
    std::string dir;     // of the tree that has it, absolute
    int layer = 0;
    std::int64_t size() const { return attributes.is_regular() ? attributes.size : 0; }
};
using Files = std::map<std::string, Found>;

// Layers laid over each other, lowest first, as a container sees them.
class View {
public:
    Result<> add(const std::string& tree, int layer) {
        tree_ = tree;
        layer_ = layer;
        auto root = TRY(sys::open_dir(tree));
        return directory(root.get(), "");
    }
    Files files;
    std::vector<SizedPath> hidden;

private:
    Result<> directory(int dirfd, const std::string& prefix) {
        for (const std::string& name : TRY(sys::list_at(dirfd))) {
            std::string path = prefix + name;
            auto attributes = TRY(sys::attributes_at(dirfd, name));
            if (is_whiteout(attributes)) {
                hide(path, true);
                continue;
            }
            if (!attributes.is_dir()) {
                hide(path, true);
                Found found{attributes, {}, tree_, layer_};
                if (attributes.is_symlink()) found.target = TRY(sys::read_link_at(dirfd, name));
                files[path] = std::move(found);
                continue;
            }
            auto child = TRY(sys::open_dir_at(dirfd, name));
            bool opaque = false;
            for (const char* key : kOpaqueXattrs)
                opaque |= TRY(sys::get_xattr_at(child.get(), "", key)) == "y";
            auto old = files.find(path);
            bool was_dir = old != files.end() && old->second.attributes.is_dir();
            if (opaque || !was_dir) hide(path, opaque);
            files[path] = {attributes, {}, tree_, layer_};
            TRY(directory(child.get(), path + "/"));
        }
        return {};
    }
    // Takes the path away, and what is below it.
    void hide(const std::string& path, bool below) {
        auto take = [&](Files::iterator at) {
            if (at->second.size() != 0)
                hidden.push_back({at->first, at->second.size(), at->second.layer});
            return files.erase(at);
        };
        if (auto at = files.find(path); at != files.end()) take(at);
        if (!below) return;
        std::string prefix = path + "/";
        for (auto at = files.lower_bound(prefix);
             at != files.end() && at->first.starts_with(prefix);)
            at = take(at);
    }
    std::string tree_;
    int layer_ = 0;
};

// The layers themselves: an image's stack may hold some of them merged.
Result<View> view_of(Store& store, const Image& image) {
    View view;
    int number = 0;
    for (const oci::Digest& diff_id : image.config.diff_ids) {
        auto layer = TRY(store.find_layer(diff_id));
        if (!layer)
            return fail(Error(Code::corrupt, "layer " + diff_id.str() + " is damaged or gone")
                            .with_hint("crank image verify"));
        TRY(view.add(store.layer_path(*layer), ++number));
    }
    return view;
}

Result<oci::Digest> content_of(const std::string& path, const Found& found) {
    auto root = TRY(sys::open_dir(found.dir));
    auto file = TRY(sys::open_file_in_root(root.get(), path));
    FdSource source(file.get(), path);
    HashingSource hashed(source);
    return hashed.finish();
}

Result<bool> same(const std::string& path, const Found& a, const Found& b) {
    const sys::Attributes &x = a.attributes, &y = b.attributes;
    if (x.mode != y.mode || x.uid != y.uid || x.gid != y.gid || a.size() != b.size()) return false;
    if (a.target != b.target || x.major != y.major || x.minor != y.minor) return false;
    if (!x.is_regular() || (x.inode == y.inode && x.device == y.device)) return true;
    return TRY(content_of(path, a)) == TRY(content_of(path, b));
}

// The largest first, equal ones by name.
bool comes_first(const SizedPath& a, const SizedPath& b) {
    return a.size != b.size ? a.size > b.size : a.path < b.path;
}

void sort_by_size(std::vector<SizedPath>& paths) { std::ranges::sort(paths, comes_first); }

}  // namespace

Result<std::vector<PathChange>> compare(Store& store, const Image& from, const Image& to) {
    View before = TRY(view_of(store, from)), after = TRY(view_of(store, to));
    std::vector<PathChange> out;
    for (const auto& [path, old] : before.files) {
        auto now = after.files.find(path);
        if (now == after.files.end())
            out.push_back({Change::removed, path, old.size(), 0});
        else if (!TRY(same(path, old, now->second)))
            out.push_back({Change::changed, path, old.size(), now->second.size()});
    }
    for (const auto& [path, now] : after.files)
        if (!before.files.contains(path)) out.push_back({Change::added, path, 0, now.size()});
    std::ranges::sort(out, {}, &PathChange::path);
    return out;
}

namespace {

// The kind of cache that the path belongs to; empty: none.
std::string cache_kind(const std::string& path) {
    if (path.starts_with("var/lib/apt/lists/")) return "apt package lists";
    if (path.starts_with("var/cache/apt/")) return "apt archives";
    if (path.starts_with("var/cache/apk/") || path.starts_with("var/cache/dnf/") ||
        path.starts_with("var/cache/yum/"))
        return "package manager's cache";
    if (path.find(".cache/pip/") != std::string::npos) return "pip's cache";
    if (path.find(".npm/_cacache/") != std::string::npos) return "npm's cache";
    if (path.find("__pycache__/") != std::string::npos) return "Python byte code (__pycache__)";
    return {};
}

// Files that could be hard links of one: same size first, then same content.
Result<> find_twice(const Files& files, Analysis& out) {
    std::map<std::int64_t, std::map<std::uint64_t, const Files::value_type*>> by_size;
    for (const auto& file : files)
        if (file.second.size() >= kWorthSharing)
            by_size[file.second.size()].emplace(file.second.attributes.inode, &file);
    for (const auto& [size, same_size] : by_size) {
        if (same_size.size() < 2) continue;
        std::map<oci::Digest, std::vector<SizedPath>> by_content;
        for (const auto& [inode, file] : same_size)
            by_content[TRY(content_of(file->first, file->second))].push_back(
                {file->first, size, file->second.layer});
        for (auto& [digest, group] : by_content) {
            if (group.size() < 2) continue;
            std::ranges::sort(group, {}, &SizedPath::path);
            out.twice_size += size * static_cast<std::int64_t>(group.size() - 1);
            out.twice.push_back(std::move(group));
        }
    }
    std::ranges::sort(out.twice, comes_first,
                      [](const auto& group) -> const SizedPath& { return group.front(); });
    return {};
}

}  // namespace

Result<Analysis> analyze(Store& store, const Image& image) {
    View view = TRY(view_of(store, image));
    Analysis out;
    for (const auto& [path, file] : view.files) {
        if (file.size() == 0) continue;
        out.visible += file.size();
        out.biggest.push_back({path, file.size(), file.layer});
        if (std::string kind = cache_kind(path); !kind.empty()) out.caches[kind] += file.size();
    }
    sort_by_size(out.biggest);
    if (out.biggest.size() > kShown) out.biggest.resize(kShown);
    out.hidden = std::move(view.hidden);
    sort_by_size(out.hidden);
    for (const SizedPath& path : out.hidden) out.hidden_size += path.size;
    TRY(find_twice(view.files, out));
    return out;
}

}  // namespace crank::store
