#include "gateway/control.h"

#include <algorithm>

#include "sys/packet_server.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::gateway {

namespace {
constexpr std::size_t kMaxPeers = 128;
constexpr Milliseconds kPause{100};
constexpr int kSendBuffer = 1024 * 1024;  // a `state` of many backends
constexpr const char* kTooLarge =
    R"({"ok":false,"error":"the request is longer than 65536 bytes, or has more than 8 descriptors"})";
constexpr const char* kAnswerTooLarge =
    R"({"ok":false,"error":"the answer does not fit into one packet"})";
}  // namespace

// One who asks. The next request is read once the last one is answered.
class Control::Peer : public Watcher {
public:
    explicit Peer(Control& control) : control_(control) {}

    void on_ready(Socket& socket) override {
        if (socket.failed || (waits_ && socket.ended)) return leave();
        run();
    }
    void on_turn() override { run(); }
    void answered(std::string text) {
        waits_ = false;
        answer_ = std::move(text);
        control_.loop_.again(*this);
    }
    void close() { control_.loop_.close(std::move(socket_)); }

    std::unique_ptr<Socket> socket_;

private:
    void run() {
        while (socket_ && !waits_) {
            if (!answer_.empty() && !send()) return;
            if (!receive()) return;
        }
    }
    // False: the answer does not go, now or at all.
    bool send() {
        switch (sys::send_whole(socket_->fd(), answer_)) {
            case sys::Sent::whole: answer_.clear(); return true;
            case sys::Sent::too_large: answer_ = kAnswerTooLarge; return send();
            case sys::Sent::blocked: return false;
            case sys::Sent::closed: leave(); return false;
        }
        return false;
    }
    bool receive() {
        auto packet = sys::receive_with_descriptors(socket_->fd(), kMaxRequest);
        if (!packet || packet->kind == sys::PacketKind::end) {
            leave();
            return false;
        }
        if (packet->kind == sys::PacketKind::none) return false;
        if (packet->cut) {
            answer_ = kTooLarge;
            return true;
        }
        waits_ = true;
        control_.gateway_.perform(packet->bytes, std::move(packet->descriptors), this,
                                  [this](std::string text) { answered(std::move(text)); });
        return true;
    }
    void leave() { control_.remove(*this); }

    Control& control_;
    bool waits_ = false;
    std::string answer_;
};

Control::Control(Loop& loop, Gateway& gateway)
    : loop_(loop), gateway_(gateway), timer_(loop.timers(), *this) {}

Result<std::unique_ptr<Control>> Control::open(Loop& loop, Gateway& gateway, sys::UniqueFd fd) {
    TRY(sys::check_packet_listener(fd.get()));
    TRY(sys::set_nonblocking(fd.get()));
    auto control = std::make_unique<Control>(loop, gateway);
    control->socket_ = TRY(loop.watch(std::move(fd), control.get(), Trigger::level));
    return control;
}

Control::~Control() {
    for (auto& peer : peers_) peer->close();
    loop_.close(std::move(socket_));
}

void Control::on_ready(Socket&) {
    auto peer = sys::accept_packets(socket_->fd());
    if (!peer || peers_.size() >= kMaxPeers) {
        // No descriptor is left, or too many ask: those who ask wait.
        loop_.pause(*socket_);
        timer_.set(kPause);
    }
    if (!peer || !*peer) return;
    sys::PacketPeer& who = **peer;
    if (who.uid != 0 && who.uid != sys::effective_uid()) {
        (void)sys::send_whole(who.fd.get(),
                              R"({"ok":false,"error":"this gateway is another user's"})");
        return;
    }
    sys::raise_send_buffer(who.fd.get(), kSendBuffer);
    auto added = std::make_unique<Peer>(*this);
    auto socket = loop_.watch(std::move(who.fd), added.get(), Trigger::edges);
    if (!socket) return;
    added->socket_ = std::move(*socket);
    peers_.push_back(std::move(added));
}

void Control::on_due() {
    if (!loop_.resume(*socket_)) timer_.set(kPause);
}

void Control::remove(Peer& peer) {
    gateway_.forget(&peer);
    peer.close();
    auto at = std::ranges::find(peers_, &peer, &std::unique_ptr<Peer>::get);
    std::unique_ptr<Peer> gone = std::move(*at);
    peers_.erase(at);
    loop_.retire(std::move(gone));
}

}  // namespace crank::gateway
