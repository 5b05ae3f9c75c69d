#include "sys/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace crank::sys {

struct RawMode::Saved {
    termios settings;
};

bool is_terminal(int fd) { return isatty(fd) == 1; }

Result<TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0) return fail_errno("size of the terminal");
    return TerminalSize{size.ws_row, size.ws_col};
}

Result<> set_terminal_size(int fd, TerminalSize size) {
    winsize wanted{};
    wanted.ws_row = size.rows;
    wanted.ws_col = size.columns;
    if (ioctl(fd, TIOCSWINSZ, &wanted) != 0) return fail_errno("size of the terminal");
    return {};
}

RawMode::RawMode(int fd, std::unique_ptr<Saved> saved) : fd_(fd), saved_(std::move(saved)) {}
RawMode::RawMode(RawMode&&) noexcept = default;

Result<RawMode> RawMode::enter(int fd) {
    auto saved = std::make_unique<Saved>();
    if (tcgetattr(fd, &saved->settings) != 0) return fail_errno("settings of the terminal");
    termios raw = saved->settings;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSADRAIN, &raw) != 0) return fail_errno("raw mode of the terminal");
    return RawMode(fd, std::move(saved));
}

RawMode::~RawMode() {
    if (saved_) tcsetattr(fd_, TCSADRAIN, &saved_->settings);
}

}  // namespace crank::sys
