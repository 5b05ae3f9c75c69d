// Terminals: is it one, its size, raw mode.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"

namespace crank::sys {

bool is_terminal(int fd);

struct TerminalSize {
    std::uint16_t rows = 0, columns = 0;
};
Result<TerminalSize> terminal_size(int fd);
Result<> set_terminal_size(int fd, TerminalSize size);

// Bytes as they are typed, no echo, no signals from keys; what was is restored at the end.
class RawMode {
public:
    static Result<RawMode> enter(int fd);
    RawMode(RawMode&&) noexcept;
    RawMode& operator=(RawMode&&) = delete;
    ~RawMode();

private:
    struct Saved;
    RawMode(int fd, std::unique_ptr<Saved> saved);
    int fd_;
    std::unique_ptr<Saved> saved_;
};

}  // namespace crank::sys
