#include "sys/prefix.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace crank::sys {

Result<std::string> read_prefix(const std::string& path, std::size_t bytes) {
    UniqueFd fd = TRY(open(path, O_RDONLY));
    std::string content(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) {
        ssize_t n = ::read(fd.get(), content.data() + got, bytes - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("read " + path);
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    content.resize(got);
    return content;
}

}  // namespace crank::sys
