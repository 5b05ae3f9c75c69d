#include "cli/archive_output.h"

#include "sys/file.h"
#include "sys/terminal.h"

namespace crank::cli {

Result<> refuse_terminal(std::string instead) {
    constexpr int kStdout = 1;
    if (!sys::is_terminal(kStdout)) return {};
    return fail(
        Error(Code::usage, "an archive is not for a terminal").with_hint(std::move(instead)));
}

Result<std::int64_t> write_tree(const store::TreeTarRequest& request, int fd,
                                const std::string& shown) {
    return store::write_tree_tar(request, [&](std::span<const std::uint8_t> bytes) {
        return sys::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              shown);
    });
}

}  // namespace crank::cli
