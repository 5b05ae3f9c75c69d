// What stands on the disk, as du(1) counts it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>

#include "base/error.h"

namespace crank::store {

// Every file that this object has seen counts once, however many names it has. What vanishes while
// it is looked at counts nothing.
class DiskUse {
public:
    // Bytes of the tree at `path`, its root and its directories included, that were not seen
    // before. An absent one has none.
    Result<std::int64_t> add(const std::string& path);
    // Of a directory alone, and of its subdirectories' own.
    Result<std::int64_t> add_directories(const std::string& path);
    // Of the file or directory, without what is in it.
    Result<std::int64_t> add_alone(const std::string& path);

private:
    enum class What { all, directories, alone };
    Result<std::int64_t> entry(int dirfd, const std::string& name, What what);
    Result<std::int64_t> start(const std::string& path, What what);
    std::map<std::uint64_t, std::unordered_set<std::uint64_t>> seen_;  // inodes by device
};

}  // namespace crank::store
