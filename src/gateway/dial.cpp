#include "gateway/dial.h"

#include <utility>

namespace crank::gateway {

Dialled Dial::next(Target& target, Reuse reuse) {
    while (true) {
        std::shared_ptr<Backend> backend = context_.router.choose(target, tried_);
        if (!backend) return target.has_backend() ? Dialled::none_left : Dialled::no_backend;
        if (reuse == Reuse::allowed) {
            upstream = backend->take_idle();
            if (upstream.socket) upstream.socket->owner = &owner_;
        }
        const BackendSpec& spec = backend->spec();
        lease = Lease(context_.router, backend, user_);
        if (upstream.socket) return Dialled::connected;
        switch (begin(spec)) {
            case Begun::connected: return Dialled::connected;
            case Begun::connecting: return Dialled::connecting;
            case Begun::exhausted: hang_up(); return Dialled::exhausted;
            case Begun::refused: break;
        }
    }
}

Dial::Begun Dial::begin(const BackendSpec& spec) {
    if (!context_.loop.has_room()) return Begun::exhausted;
    auto begun = sys::begin_connect(spec.address, spec.port);
    if (!begun) {
        if (begun.error().code() == Code::exhausted) return Begun::exhausted;
        refused(begun.error().text());
        return Begun::refused;
    }
    sys::set_no_delay(begun->fd.get());
    sys::keep_alive(begun->fd.get());
    auto socket = context_.loop.watch(std::move(begun->fd), &owner_, Trigger::edges);
    if (!socket) return Begun::exhausted;
    upstream = Upstream{std::move(*socket)};
    upstream.socket->writable = begun->connected;
    return begun->connected ? Begun::connected : Begun::connecting;
}

Dialled Dial::go_on(Target& target) {
    if (!socket().writable) return Dialled::connecting;
    const int error = sys::connect_error(socket().fd());
    if (error == 0 && !socket().failed) return Dialled::connected;
    refused(Error::from_errno(error, "connect").text());
    return next(target, Reuse::fresh);
}

Dialled Dial::give_up(Target& target) {
    refused("no answer in time");
    return next(target, Reuse::fresh);
}

void Dial::refused(const std::string& why) {
    Backend& backend = lease.backend();
    if (!backend.is_passed_over())
        context_.log("backend " + backend.spec().id + " is passed over for a second: " + why);
    backend.pass_over();
    tried_.push_back(lease.shared());
    hang_up();
}

void Dial::take_over(Dial& other) {
    upstream = std::exchange(other.upstream, {});
    upstream.socket->owner = &owner_;
    lease = std::move(other.lease);
    lease.pass_to(user_);
}

void Dial::hang_up() {
    context_.loop.close(std::move(upstream.socket));
    upstream = {};
    lease.release();
}

void Dial::keep() {
    lease.backend().keep_idle(std::move(upstream));
    upstream = {};
    lease.release();
}

}  // namespace crank::gateway
