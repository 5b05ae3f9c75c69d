#include "shim/restart.h"

namespace crank::shim {

// Docker's: 0.1 s, doubled each time up to a minute, and from the beginning after 10 s of life.
int restart_delay(const Header& header, uint32_t exit_code, uint64_t ran_ns) {
    constexpr uint32_t kFirst = 100, kMost = 60 * 1000, kMostOrdered = 60 * 60 * 1000;
    constexpr uint64_t kLongEnough = 10'000'000'000;
    if ((header.shared.orders & kOrderStayEnded) != 0) return -1;
    if ((header.shared.orders & kOrderRestart) != 0) {
        uint32_t pause = header.shared.restart_after_ms;
        return static_cast<int>(pause < kMostOrdered ? pause : kMostOrdered);
    }
    Restart when = header.restart;
    uint32_t times = header.restart_most;
    if (uint32_t ordered = header.shared.restart; ordered != 0) {
        when = static_cast<Restart>((ordered & 0xFF) - 1);
        times = ordered >> 8;
    }
    switch (when) {
        case Restart::never: return -1;
        case Restart::always: break;
        case Restart::on_failure:
            if (exit_code == 0) return -1;
            if (times != 0 && header.restart_count >= times) return -1;
            break;
    }
    uint32_t last = header.restart_delay_ms;
    if (last == 0 || ran_ns > kLongEnough) return static_cast<int>(kFirst);
    return static_cast<int>(last >= kMost / 2 ? kMost : last * 2);
}

}  // namespace crank::shim
