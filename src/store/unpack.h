// Makes a layer's tree out of its tar. Internal to store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "store/file_maker.h"
#include "store/tar_reader.h"
#include "sys/attributes.h"
#include "sys/unique_fd.h"

namespace crank::store {

struct UnpackStats {
    std::int64_t file_bytes = 0;
    // An entry took the place of an earlier one: the tree no longer holds every payload.
    bool replaced = false;
};

// `rootfd` is an empty directory that nobody else writes to. Nothing outside it is touched,
// whatever the archive says: parents are resolved as by a process whose root it is, last
// components are never followed.
//
// Entries that come again replace the earlier one, a directory keeps its content. Whiteouts take
// effect at the end, since they speak of the layers below alone. Absolute names count from the
// root; names with ".." are refused (corrupt), as are hard links to what the archive does not hold
// and character devices 0:0, which would read as whiteouts. Extended attributes that are not
// content (overlay.h) are left out; so are device nodes where the kernel refuses them to crank
// (rootless). `on_payload(path, size)` is called before each file's content is read.
//
// With a pool, files that it has are linked instead of written, and the others become entries; a
// small file is looked up before it is written at all. Small files are made by several threads,
// several MiB behind the reader.
class Unpacker {
public:
    using PayloadObserver = std::function<Result<>(const std::string&, std::int64_t)>;
    Unpacker(int rootfd, PayloadObserver on_payload, Sharing sharing)
        : rootfd_(rootfd), on_payload_(std::move(on_payload)), maker_(sharing), crew_(maker_) {}

    Result<UnpackStats> run(TarReader& reader);

private:
    struct Place {
        int parent;  // valid until the next place()
        std::string name;
    };
    Result<> entries(TarReader& reader);
    Result<> entry(TarReader& reader, const TarEntry& entry);
    Result<bool> whiteout(const std::string& path);
    Result<Place> place(const std::string& path);
    Result<bool> taken(const Place& at);
    Result<> make_parents(const std::string& path);
    Result<bool> clear(const Place& at, const std::string& path, TarKind kind);
    Result<> make(const TarEntry& entry, const std::string& path, const Place& at);
    Result<> file(TarReader& reader, const TarEntry& entry, const std::string& path,
                  const Place& at, bool taken);
    Result<> small_file(TarReader& reader, const TarEntry& entry, const std::string& path,
                        const Place& at, bool taken);
    Result<> large_file(TarReader& reader, const TarEntry& entry, const std::string& path,
                        const Place& at);
    Result<> hard_link(const TarEntry& entry, const Place& at);
    Result<bool> node(const TarEntry& entry, const Place& at);
    Result<> attributes(const TarEntry& entry, const std::string& path, const Place& at);
    Result<> apply_whiteouts();
    Result<> make_opaque(const Place& at);
    Result<> apply_directory_attributes();

    // What a directory gets at the end: its time changes with what is put into it, and its mode may
    // forbid that, or hand its group on to what is made in it.
    struct DirAttributes {
        mode_t mode = 0755;
        std::int64_t seconds = 0;
        std::uint32_t nanoseconds = 0;
    };
    int rootfd_;
    PayloadObserver on_payload_;
    FileMaker maker_;
    FileCrew crew_;
    UnpackStats stats_;
    std::string parent_path_;
    FileCrew::Directory parent_;  // of parent_path_: entries of one directory come together
    std::uint64_t parent_inode_ = 0;
    // Of the entries so far, or since names_ was last emptied: inode of the directory, name.
    std::set<std::pair<std::uint64_t, std::string>> names_;
    bool names_emptied_ = false;
    std::map<std::string, DirAttributes> dirs_;
    std::set<std::string> whiteouts_, opaque_;
    std::vector<std::uint8_t> buffer_;
};

// The sum of the sizes of a tree's regular files, each counted once.
Result<std::int64_t> file_bytes_of(int rootfd);

}  // namespace crank::store
