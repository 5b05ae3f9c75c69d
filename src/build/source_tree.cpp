#include "build/source_tree.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "build/canonical.h"
#include "build/glob.h"

namespace crank::build {

namespace {

constexpr std::size_t kMaxEntries = 1'000'000;
constexpr int kMaxDepth = 512;
constexpr int kTooManyLinks = 40;  // ELOOP, on every architecture

std::string join_path(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

std::string base_name(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::uint32_t normalised_mode(const sys::Attributes& info) {
    return info.is_dir() || (info.mode & 0100) != 0 ? 0755 : 0644;
}

Result<std::pair<oci::Digest, std::int64_t>> hash_file(int fd, const std::string& name) {
    oci::Hasher hasher;
    std::vector<std::uint8_t> buffer(std::size_t{64} << 10);
    std::int64_t size = 0;
    while (true) {
        std::size_t n = TRY(sys::read_some(fd, buffer, name));
        if (n == 0) return std::pair(hasher.finish(), size);
        hasher.update(std::span(buffer).first(n));
        size += static_cast<std::int64_t>(n);
    }
}

Result<std::optional<std::string>> read_ignore_file(const std::string& path) {
    auto text = sys::read_file(path, dockerfile::kMaxIgnoreBytes);
    if (text) return std::move(*text);
    if (text.error().code() == Code::not_found) return std::nullopt;
    return fail(std::move(text).error());
}

// Of the context: a link in it stays in it, as with all that comes from there (CVE-2022-4122). One
// that leads nowhere in it is as if there were none.
Result<std::optional<std::string>> read_own_ignore_file(int root, const char* name) {
    auto file = sys::open_file_in_root(root, name);
    if (!file && file.error().code() == Code::not_found) return std::nullopt;
    if (!file) return fail(std::move(file).error());
    return TRY(sys::read_all(file->get(), dockerfile::kMaxIgnoreBytes, name));
}

}  // namespace

oci::Digest digest_of(std::span<const SelectedSource> selection) {
    Canonical text("crank-selection-v1");
    for (const SelectedSource& source : selection) {
        text.add("source", source.directory ? "" : source.name);
        for (const SelectedEntry& parent : source.parents) text.add("parent", parent.path);
        for (const SelectedEntry& entry : source.entries) {
            text.add("path", entry.path);
            text.add("kind", static_cast<std::int64_t>(entry.kind));
            text.add("mode", static_cast<std::int64_t>(entry.mode));
            text.add("owner",
                     std::to_string(entry.owner.uid) + ":" + std::to_string(entry.owner.gid));
            if (entry.kind == sys::FileKind::regular) text.add("content", entry.content.str());
            if (entry.kind == sys::FileKind::symlink) text.add("target", entry.target);
        }
    }
    return text.digest();
}

Result<std::string> clean_source(std::string_view source) {
    std::vector<std::string> parts;
    for (const std::string& part : split(source, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            parts.push_back(part);
            continue;
        }
        if (parts.empty())
            return fail(Error(Code::invalid_argument,
                              "source " + std::string(source) + " lies outside the build context")
                            .with_hint("move it below the context directory, or give a context "
                                       "that holds it"));
        parts.pop_back();
    }
    return join(parts, "/");
}

SelectedEntry SourceTree::entry_of(const std::string& path, const sys::Attributes& info) const {
    SelectedEntry entry{.path = path, .kind = sys::kind_of(info)};
    if (metadata_ == Metadata::kept) {
        entry.mode = info.mode & 07777;
        entry.owner = {info.uid, info.gid};
        entry.mtime = info.mtime;
    } else {
        entry.mode = normalised_mode(info);
    }
    return entry;
}

// How many parts of a source stand before "/./", from which on its directories are kept.
static Result<std::size_t> parts_before_pivot(const std::string& written) {
    std::size_t pivot = written.find("/./");
    if (pivot == std::string::npos) return 0;
    std::string before = TRY(clean_source(written.substr(0, pivot)));
    return before.empty() ? 0 : split(before, '/').size();
}

// Reads one source with all that lies below it.
struct SourceTree::Walk {
    const SourceTree& tree;
    const dockerfile::IgnoreMatcher& excludes;
    const Warn& warn;
    SelectedSource& out;

    bool included(const std::string& at, const std::string& path) const {
        return !tree.ignore_.excluded(at) && !excludes.excluded(path);
    }

    SelectedEntry entry_of(const std::string& path, const sys::Attributes& info) const {
        return tree.entry_of(path, info);
    }

    // `at`: the path below the root by which .dockerignore knows it.
    Result<> file(int dirfd, const std::string& name, const std::string& at,
                  const std::string& path) {
        sys::UniqueFd fd = TRY(sys::open_file_at(dirfd, name));
        sys::Attributes info = TRY(sys::attributes_at(fd.get(), ""));
        if (!info.is_regular())
            return fail(Code::failed_precondition, at + " changed while it was read");
        SelectedEntry entry = entry_of(path, info);
        entry.size = info.size;
        if (tree.metadata_ == Metadata::normalised)
            std::tie(entry.content, entry.size) = TRY(hash_file(fd.get(), at));
        out.entries.push_back(std::move(entry));
        return {};
    }

    Result<> link(int dirfd, const std::string& name, const std::string& path) {
        SelectedEntry entry = entry_of(path, TRY(sys::attributes_at(dirfd, name)));
        entry.kind = sys::FileKind::symlink;
        entry.mode = 0777;  // has no meaning
        entry.target = TRY(sys::read_link_at(dirfd, name));
        out.entries.push_back(std::move(entry));
        return {};
    }

    Result<> directory(int fd, const std::string& at, const std::string& path, int depth) {
        if (depth > kMaxDepth) return fail(Code::exhausted, at + " is nested too deeply");
        std::size_t own = out.entries.size();
        out.entries.push_back(entry_of(path, TRY(sys::attributes_at(fd, ""))));
        for (const sys::DirEntry& child : TRY(sys::read_dir(fd, at)))
            TRY(this->child(fd, child, join_path(at, child.name), join_path(path, child.name),
                            depth));
        // An excluded directory is there only for what an exception brought back below it.
        bool empty = out.entries.size() == own + 1;
        if (empty && !path.empty() && !included(at, path)) out.entries.pop_back();
        return {};
    }

    Result<> child(int dirfd, const sys::DirEntry& child, const std::string& at,
                   const std::string& path, int depth) {
        if (out.entries.size() >= kMaxEntries)
            return fail(Code::exhausted,
                        tree.name_ + " holds more than " + std::to_string(kMaxEntries) + " files");
        if (child.kind == sys::FileKind::directory) {
            if (tree.ignore_.prune(at) || excludes.prune(path)) return {};
            sys::UniqueFd fd = TRY_IN(sys::open_dir_at(dirfd, child.name), at);
            return directory(fd.get(), at, path, depth + 1);
        }
        if (!included(at, path)) return {};
        if (child.kind == sys::FileKind::regular) return file(dirfd, child.name, at, path);
        if (child.kind == sys::FileKind::symlink) return link(dirfd, child.name, path);
        if (warn) warn(at + " is a socket, a pipe or a device: left out");
        return {};
    }
};

Result<SourceTree> SourceTree::open_context(const std::string& directory, const IgnoreFile& ignored,
                                            std::string name) {
    auto root = sys::open_dir(directory + "/.");  // the directory itself may be a link
    if (!root) return fail(std::move(root).error().with_context("build context " + directory));
    std::optional<std::string> text;
    std::string file = ignored.named;
    if (!file.empty()) {
        text = TRY(read_ignore_file(file));
    } else if (!ignored.dockerfile.empty()) {
        file = ignored.dockerfile + ".dockerignore";
        text = TRY(read_ignore_file(file));
    }
    // Podman's name for it, which it prefers, and Docker does not know: what Docker builds is what
    // is built.
    for (const char* own : {".dockerignore", ".containerignore"}) {
        if (text || !ignored.named.empty()) break;
        file = own;
        text = TRY(read_own_ignore_file(root->get(), own));
    }
    if (!text && !ignored.named.empty())
        return fail(Code::not_found, "--ignorefile: there is no file " + ignored.named);
    dockerfile::IgnoreMatcher ignore =
        TRY(dockerfile::IgnoreMatcher::parse(text.value_or(""), base_name(file)));
    return SourceTree(std::move(*root), std::move(ignore), Metadata::normalised, std::move(name));
}

Error SourceTree::missing(const std::string& path) const {
    std::string message = path + " does not exist in " + name_;
    std::size_t slash = path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    auto directory = sys::open_dir_in_root(root_.get(), parent);
    if (directory) {
        auto own = sys::attributes_at(directory->get(), base_name(path));
        if (own && own->is_symlink())
            return Error(Code::not_found, path + " is a link that leads nowhere in " + name_);
        auto entries = sys::read_dir(directory->get(), parent);
        std::vector<std::string_view> names;
        if (entries)
            for (const sys::DirEntry& entry : *entries)
                if (!ignore_.excluded(join_path(parent, entry.name))) names.push_back(entry.name);
        if (auto near = did_you_mean(base_name(path), names))
            return Error(Code::not_found, message)
                .with_hint("did you mean " + join_path(parent, *near) + "?");
    }
    return Error(Code::not_found, message);
}

// Adds every directory below those given.
Result<> SourceTree::directories_below(std::vector<std::string>& paths) const {
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (paths.size() > kMaxEntries)
            return fail(Code::exhausted, "** meets too many directories in " + name_);
        const std::string path = paths[i];
        auto directory = sys::open_dir_in_root(root_.get(), path);
        if (!directory) continue;
        for (const sys::DirEntry& entry : TRY(sys::read_dir(directory->get(), path))) {
            std::string below = join_path(path, entry.name);
            if (entry.kind == sys::FileKind::directory && !ignore_.prune(below))
                paths.push_back(std::move(below));
        }
    }
    std::ranges::sort(paths);
    return {};
}

Result<> SourceTree::find_parents(SelectedSource& source, const std::string& path,
                                  std::size_t pivot) const {
    std::vector<std::string> parts = path.empty() ? std::vector<std::string>() : split(path, '/');
    if (!source.directory) parts.pop_back();
    std::string at, below;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        at = join_path(at, parts[i]);
        if (i < pivot) continue;
        below = join_path(below, parts[i]);
        sys::UniqueFd fd = TRY(sys::find_in_root(root_.get(), at));
        sys::Attributes info = TRY(sys::attributes_at(fd.get(), ""));
        source.parents.push_back(entry_of(below, info));
    }
    return {};
}

// The paths that a pattern names, sorted; .dockerignore is not looked at yet.
Result<std::vector<std::string>> SourceTree::match(const std::string& pattern, bool deep) const {
    std::vector<std::string> paths{""};
    if (pattern.empty()) return paths;
    for (const std::string& part : split(pattern, '/')) {
        std::vector<std::string> next;
        if (deep && part == "**") {
            TRY(directories_below(paths));
            continue;
        }
        TRY(check_glob(part));
        for (const std::string& path : paths) {
            if (!has_wildcard(part)) {
                next.push_back(join_path(path, part));
                continue;
            }
            auto directory = sys::open_dir_in_root(root_.get(), path);
            if (!directory) continue;  // a wildcard matches nothing below what is no directory
            for (const sys::DirEntry& entry : TRY(sys::read_dir(directory->get(), path)))
                if (glob_matches(part, entry.name)) next.push_back(join_path(path, entry.name));
        }
        paths = std::move(next);
    }
    return paths;
}

Result<SelectedSource> SourceTree::read_source(const std::string& path,
                                               const dockerfile::IgnoreMatcher& excludes,
                                               const Warn& warn) const {
    // A source that is itself a link stands for what it points to, inside the tree.
    auto found = sys::find_in_root(root_.get(), path);
    if (!found) {
        bool loop = found.error().error_number() == kTooManyLinks;
        if (loop || found.error().code() == Code::not_found) return fail(missing(path));
        return fail(std::move(found).error());
    }
    SelectedSource source{.name = base_name(path), .location = path};
    // The place it resolved to decides what .dockerignore says about it.
    std::string real_root = TRY(sys::path_of_fd(root_.get()));
    std::string real = TRY(sys::path_of_fd(found->get()));
    if (real.starts_with(real_root)) {
        std::string below = real.substr(real_root.size());
        source.location = below.substr(std::min(below.find_first_not_of('/'), below.size()));
    }
    sys::Attributes info = TRY(sys::attributes_at(found->get(), ""));
    source.directory = info.is_dir();
    const std::string& at = source.location;
    Error excluded = Error(Code::not_found, path + " is excluded from " + name_)
                         .with_hint("add a line '!" + path + "' to .dockerignore");
    bool hidden = ignore_.excluded(at);
    if (hidden && (!source.directory || ignore_.prune(at))) return fail(std::move(excluded));
    Walk walk{*this, excludes, warn, source};
    if (source.directory) {
        sys::UniqueFd fd = TRY(sys::open_dir_in_root(root_.get(), path));
        TRY(walk.directory(fd.get(), at, "", 0));
        // It could have held what is not: then it is there for that, as with BuildKit.
        bool bare = std::ranges::all_of(source.entries, &std::string::empty, &SelectedEntry::path);
        if (hidden && bare) return fail(std::move(excluded));
        return source;
    }
    if (!info.is_regular())
        return fail(Code::unsupported, path + " is a socket, a pipe or a device");
    sys::UniqueFd fd = TRY(sys::open_file_in_root(root_.get(), path));
    SelectedEntry entry = walk.entry_of("", info);
    entry.size = info.size;
    if (metadata_ == Metadata::normalised)
        std::tie(entry.content, entry.size) = TRY(hash_file(fd.get(), path));
    source.entries.push_back(std::move(entry));
    return source;
}

Result<std::vector<SelectedSource>> SourceTree::select(std::span<const std::string> sources,
                                                       std::span<const std::string> excludes,
                                                       const Warn& warn, bool parents) const {
    auto exclude = TRY(dockerfile::IgnoreMatcher::of_patterns(excludes));
    std::vector<SelectedSource> selection;
    for (const std::string& written : sources) {
        std::string pattern = TRY(clean_source(written));
        std::size_t pivot = parents ? TRY(parts_before_pivot(written)) : 0;
        bool wildcard = has_wildcard(pattern);
        bool any = false;
        for (const std::string& path : TRY(match(pattern, parents))) {
            if (wildcard && ignore_.excluded(path) && ignore_.prune(path)) continue;
            auto source = read_source(path, exclude, warn);
            // What a wildcard met may be excluded, or a link that leads nowhere.
            if (!source && wildcard && source.error().code() == Code::not_found) continue;
            if (!source) return fail(std::move(source).error());
            any = true;
            if (parents) TRY(find_parents(*source, path, pivot));
            if (!source->directory && exclude.excluded(source->name)) continue;
            selection.push_back(std::move(*source));
        }
        if (!any) return fail(Code::not_found, written + " matches nothing in " + name_);
    }
    return selection;
}

}  // namespace crank::build
