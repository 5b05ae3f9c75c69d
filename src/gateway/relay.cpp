#include "gateway/relay.h"

#include "sys/unix_socket.h"

namespace crank::gateway {

Passed pass(Socket& from, Buffer& through, Socket& to, Way& way) {
    Passed passed = Passed::nothing;
    if (!way.ended && !through.is_full()) {
        switch (from.receive(through)) {
            case sys::Flow::blocked: break;
            case sys::Flow::moved: passed = Passed::some; break;
            case sys::Flow::ended: way.ended = true; break;
            case sys::Flow::broken: return Passed::reset;
        }
    }
    if (!through.empty()) {
        const sys::Moved moved = to.send(through.data());
        if (moved.flow == sys::Flow::broken) return Passed::reset;
        if (moved.bytes > 0) passed = Passed::some;
        through.consume(moved.bytes);
    }
    if (way.ended && through.empty() && !way.told) {
        way.told = true;
        passed = Passed::some;
        // Where it is broken already, the other way finds out.
        (void)sys::finish_sending(to.fd());
    }
    return passed;
}

}  // namespace crank::gateway
