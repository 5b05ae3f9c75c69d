#include "shim/restart.h"

namespace crank::shim {

// Docker's: 0.1 s, doubled each time up to a minute, and from the beginning after 10 s of life.
int restart_delay(const Header& header, uint32_t exit_code, uint64_t ran_ns) {
    constexpr uint32_t kFirst = 100, kMost = 60 * 1000;
    constexpr uint64_t kLongEnough = 10'000'000'000;
    if ((header.shared.orders & kOrderStayEnded) != 0) return -1;
    switch (header.restart) {
        case Restart::never: return -1;
        case Restart::always: break;
        case Restart::on_failure:
            if (exit_code == 0) return -1;
            if (header.restart_most != 0 && header.restart_count >= header.restart_most) return -1;
            break;
    }
    uint32_t last = header.restart_delay_ms;
    if (last == 0 || ran_ns > kLongEnough) return static_cast<int>(kFirst);
    return static_cast<int>(last >= kMost / 2 ? kMost : last * 2);
}

}  // namespace crank::shim
