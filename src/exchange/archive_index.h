// Where the files of an image archive are. Internal to exchange.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "exchange/files.h"
#include "sys/unique_fd.h"

namespace crank::exchange {

class ArchiveIndex : public Files {
public:
    // Reads the archive at `fd`, which stays open as long as this is used: a plain tar in a regular
    // file is read in place, anything else (compressed, or a pipe) is first written to `spool`, a
    // directory of the store's. `name` is for errors.
    static Result<std::shared_ptr<const ArchiveIndex>> read(int fd, const std::string& spool,
                                                            const std::string& name);

    std::string name() const override { return name_; }
    bool has(const std::string& path) const override;
    // Links among the archive's files are followed, as old `docker save` writes them for layers
    // that images share.
    Result<Opened> open(const std::string& path) const override;

private:
    explicit ArchiveIndex(std::string name) : name_(std::move(name)) {}
    struct Range {
        std::int64_t offset = 0, size = 0;
    };
    Result<Range> find(const std::string& path) const;
    Result<> scan(std::int64_t begin, std::int64_t size);
    Result<> add(const std::string& path, std::optional<Range> range, std::string link);
    struct File {
        std::optional<Range> range;
        std::string link;  // normalised path, where range is absent
    };
    std::map<std::string, File> files_;
    std::string name_;
    int fd_ = -1;
    sys::UniqueFd spooled_;
};

}  // namespace crank::exchange
