#include "sys/byte_copy.h"

#include <optional>
#include <span>

namespace crank::sys {
namespace {

constexpr std::size_t kBufferSize = 32768;

}  // namespace

PollEntry ByteCopy::wants() const {
    if (!open()) return {};
    return drained() ? PollEntry{.fd = from_, .want_read = true}
                     : PollEntry{.fd = to_, .want_write = true};
}

bool ByteCopy::step() {
    buffer_.resize(kBufferSize);
    if (drained()) {
        Result<std::optional<std::size_t>> n = read_some(from_, buffer_);
        if (n && !*n) return true;
        // EIO is how a terminal says that its last user is gone.
        if (!n || **n == 0) return close();
        begin_ = 0;
        end_ = **n;
    }
    Result<std::optional<std::size_t>> n =
        write_some(to_, std::span<const char>(buffer_).subspan(begin_, end_ - begin_));
    if (!n) return close();
    begin_ += n->value_or(0);
    return true;
}

bool ByteCopy::close() {
    from_ = -1;
    begin_ = end_ = 0;
    return false;
}

}  // namespace crank::sys
