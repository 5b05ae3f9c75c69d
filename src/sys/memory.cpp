#include "sys/memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "sys/file.h"

namespace crank::sys {

Result<UniqueFd> make_memory_file(const std::string& name, std::size_t size) {
    UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return fail_errno("create a memory file");
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
        return fail_errno("size a memory file to " + std::to_string(size) + " bytes");
    return fd;
}

Result<UniqueFd> sealed_copy(const std::string& path) {
    UniqueFd source = TRY(open(path, O_RDONLY));
    auto left = static_cast<std::size_t>(TRY(stat(path)).size);
    UniqueFd copy = TRY(make_memory_file("crank-shim", 0));
    while (left > 0) {
        ssize_t n = ::sendfile(copy.get(), source.get(), nullptr, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail_errno("copy " + path + " into memory");
        left -= static_cast<std::size_t>(n);
    }
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0)
        return fail_errno("seal the copy of " + path);
    return copy;
}

void wake_all(std::uint32_t& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Result<SharedMapping> SharedMapping::map(int fd, std::size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return fail_errno("map " + std::to_string(size) + " bytes");
    SharedMapping mapping;
    mapping.data_ = data;
    mapping.size_ = size;
    return mapping;
}

SharedMapping::~SharedMapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace crank::sys
