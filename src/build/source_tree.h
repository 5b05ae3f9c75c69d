// What COPY and ADD read: the build context, or the file system of another stage. Read by
// descriptors below one root; no link leads out of it. The tree may change while it is read: the
// copier checks each file against the digest that was taken here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/ignore.h"
#include "oci/digest.h"
#include "oci/users.h"
#include "sys/stream.h"
#include "sys/unique_fd.h"
#include "sys/walk.h"

namespace crank::build {

struct SelectedEntry {
    std::string path;  // below the source, '/'-separated; empty: the source itself
    sys::FileKind kind = sys::FileKind::regular;
    std::uint32_t mode = 0644;               // permission bits, normalised for a context
    oci::Owner owner;                        // 0:0 for a context
    std::int64_t size = 0;                   // bytes; regular files
    std::optional<std::int64_t> mtime = {};  // seconds since 1970; absent for a context
    oci::Digest content;                     // regular files of a context
    std::string target;                      // symbolic links
    bool operator==(const SelectedEntry&) const = default;
};

// One thing that a source pattern named.
class SourceTree;
struct SelectedSource {
    std::string name;      // the last component of the path that matched: its name at the target
    std::string location;  // below the root, links resolved: where to open it
    bool directory = false;
    const SourceTree* tree = nullptr;  // where it is not in the tree of the others
    // COPY --parents: the directories above it that are made at the target, behind the pivot; the
    // last of a directory is itself.
    std::vector<SelectedEntry> parents = {};
    std::vector<SelectedEntry> entries;  // parents before children, sorted by bytes
};

// Part of a cache key; golden-tested. Over names, kinds, modes, owners and contents, never times;
// the name of a directory does not count, since its contents are copied.
oci::Digest digest_of(std::span<const SelectedSource> selection);

// Lexically cleaned, without a leading '/'; "" is the root. Error: invalid_argument where ".."
// leads out.
Result<std::string> clean_source(std::string_view source);

class SourceTree {
public:
    enum class Metadata : std::uint8_t {
        // Modes 0644, or 0755 for directories and for files their owner may execute; owner 0:0: the
        // same from any checkout, umask and user. Contents are hashed.
        normalised,
        kept,  // as it is in the image that it comes from
    };
    // `name` is for messages: "the build context".
    SourceTree(sys::UniqueFd root, dockerfile::IgnoreMatcher ignore, Metadata metadata,
               std::string name)
        : root_(std::move(root)),
          ignore_(std::move(ignore)),
          metadata_(metadata),
          name_(std::move(name)) {}

    // Where a context's ignore file is looked for.
    struct IgnoreFile {
        std::string dockerfile;  // empty: it came as text
        std::string named;       // this one and no other; empty: as below
    };
    // The context directory with `DOCKERFILE.dockerignore` beside the Dockerfile, where that
    // exists, or its `.dockerignore`, or its `.containerignore`. Errors: not_found,
    // invalid_argument (no directory; the ignore file's syntax).
    static Result<SourceTree> open_context(const std::string& directory, const IgnoreFile& ignored,
                                           std::string name = "the build context");

    // Each pattern must name something (not_found, with the nearest name). Special files
    // (sockets, devices, pipes) are left out with a call of `warn`.
    using Warn = std::function<void(std::string)>;
    // `parents`: `**` is any number of directories, and each source has those above it, from the
    // pivot "/./" on.
    Result<std::vector<SelectedSource>> select(std::span<const std::string> sources,
                                               std::span<const std::string> excludes,
                                               const Warn& warn, bool parents = false) const;

    // Of a path below the root, '/'-separated: whether the ignore file names it.
    bool ignores(std::string_view path) const { return ignore_.excluded(path); }
    const dockerfile::IgnoreMatcher& ignore() const { return ignore_; }
    int root() const { return root_.get(); }
    const std::string& name() const { return name_; }

private:
    struct Walk;
    Result<std::vector<std::string>> match(const std::string& pattern, bool deep) const;
    SelectedEntry entry_of(const std::string& path, const sys::Attributes& info) const;
    Result<> directories_below(std::vector<std::string>& paths) const;
    Result<> find_parents(SelectedSource& source, const std::string& path, std::size_t pivot) const;
    Result<SelectedSource> read_source(const std::string& path,
                                       const dockerfile::IgnoreMatcher& excludes,
                                       const Warn& warn) const;
    Error missing(const std::string& path) const;

    sys::UniqueFd root_;
    dockerfile::IgnoreMatcher ignore_;
    Metadata metadata_;
    std::string name_;
};

}  // namespace crank::build
