// Where the files of an image archive are. Internal to store.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "store/byte_source.h"
#include "store/store.h"
#include "sys/unique_fd.h"

namespace crank::store {

class ArchiveIndex {
public:
    // Reads the archive at `fd`: a plain tar in a regular file is read in place, anything else
    // (compressed, or a pipe) is first written to `spool`, a directory of the store's.
    static Result<ArchiveIndex> read(int fd, const std::string& spool);

    bool has(const std::string& path) const;
    // A file; links among the archive's files are followed, as old `docker save` writes them for
    // layers that images share. corrupt: it is not there.
    struct Range {
        std::int64_t offset = 0, size = 0;
    };
    Result<Range> find(const std::string& path) const;
    // The content of a JSON document (at most 4 MiB).
    Result<std::string> text(const std::string& path) const;
    int fd() const { return fd_; }

private:
    Result<> scan(std::int64_t begin, std::int64_t size);
    Result<> add(const std::string& path, std::optional<Range> range, std::string link);
    struct File {
        std::optional<Range> range;
        std::string link;  // normalised path, where range is absent
    };
    std::map<std::string, File> files_;
    int fd_ = -1;
    sys::UniqueFd spooled_;
};

}  // namespace crank::store
