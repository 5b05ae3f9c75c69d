#include "sys/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "sys/errors.h"
#include "sys/file.h"

namespace crank::sys {
namespace {

// Reading sixteen pages more costs less than another call.
constexpr std::size_t kGap = 16;
// Pages that are asked for at once: a gigabyte.
constexpr std::size_t kAtOnce = std::size_t{1} << 18;

class Mapping {
public:
    Mapping(int fd, std::size_t size)
        : data_(static_cast<char*>(::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0))),
          size_(size) {}
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (valid()) ::munmap(data_, size_);
    }
    bool valid() const { return data_ != MAP_FAILED; }
    char* data() const { return data_; }

private:
    char* data_;
    std::size_t size_;
};

}  // namespace

Result<std::vector<FilePart>> cached_parts(int fd) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = TRY(stat_fd(fd, "file")).size;
    std::vector<FilePart> parts;
    if (size == 0) return parts;
    Mapping mapping(fd, size);
    if (!mapping.valid()) return fail_errno("mmap");
    std::vector<unsigned char> pages(std::min(kAtOnce, (size + page - 1) / page));
    std::size_t end = 0;  // of the last part, in pages
    for (std::size_t first = 0; first * page < size; first += pages.size()) {
        const std::size_t length = std::min(pages.size() * page, size - first * page);
        if (::mincore(mapping.data() + first * page, length, pages.data()) != 0)
            return fail_errno("mincore");
        const std::size_t count = (length + page - 1) / page;
        for (std::size_t i = first; i < first + count; i++) {
            if ((pages[i - first] & 1) == 0) continue;
            if (parts.empty() || i - end > kGap)
                parts.push_back({.offset = static_cast<std::int64_t>(i * page)});
            end = i + 1;
            parts.back().length =
                static_cast<std::int64_t>(std::min(size, end * page)) - parts.back().offset;
        }
    }
    return parts;
}

Result<> read_ahead(int fd, const FilePart& part) {
    int error = ::posix_fadvise(fd, part.offset, part.length, POSIX_FADV_WILLNEED);
    if (error == 0) return {};
    return std::unexpected(Error::from_errno(error, "posix_fadvise"));
}

}  // namespace crank::sys
