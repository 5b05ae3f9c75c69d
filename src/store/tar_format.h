// The tar format: one entry's header as bytes (ustar, POSIX.1-1988; pax, POSIX.1-2001), and the
// limits that both directions keep. Internal to store and exchange.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace crank::store {

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::int64_t kMaxOctal12 = 077777777777;  // 11 digits: sizes, times
inline constexpr std::int64_t kMaxOctal8 = 07777777;       // 7 digits: owners, devices, modes

// The values are ustar's type flags.
enum class TarKind : char {
    file = '0',
    hard_link = '1',
    symlink = '2',
    char_device = '3',
    block_device = '4',
    dir = '5',
    fifo = '6',
};

struct TarEntry {
    std::string path;  // as it stands in the archive; a written directory's ends with '/'
    TarKind kind = TarKind::file;
    std::uint32_t mode = 0;  // 07777
    std::int64_t uid = 0, gid = 0;
    std::int64_t size = 0;
    std::int64_t mtime = 0;      // seconds since 1970
    std::uint32_t mtime_ns = 0;  // read only: the writer's times are whole seconds
    std::string link;            // target of a hard or symbolic link
    std::uint32_t major = 0, minor = 0;
    std::map<std::string, std::string> xattrs;  // "user.x", as SCHILY.xattr records hold them
};

// The header blocks of `entry`: ustar, preceded by a pax header where a value does not fit.
// Version 1 of the layer format (layer_tar.h): these bytes never change.
std::string encode_header(const TarEntry& entry);

inline std::int64_t tar_padding(std::int64_t size) {
    constexpr auto block = static_cast<std::int64_t>(kTarBlock);
    return (block - size % block) % block;
}

}  // namespace crank::store
