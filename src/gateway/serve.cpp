#include "gateway/serve.h"

#include <csignal>

#include "gateway/control.h"
#include "gateway/gateway.h"
#include "gateway/journal.h"
#include "gateway/sandbox.h"
#include "sys/confine.h"
#include "sys/packet_server.h"
#include "sys/signals.h"

namespace crank::gateway {

namespace {

constexpr Milliseconds kGrace{10'000};

class Signals final : public Watcher {
public:
    Signals(sys::SignalQueue queue, Gateway& gateway)
        : queue_(std::move(queue)), gateway_(gateway) {}
    int fd() const { return queue_.fd(); }
    void on_ready(Socket&) override {
        while (true) {
            auto number = queue_.next();
            if (!number || !*number) return;
            if (**number == SIGTERM) gateway_.stop(kGrace);
        }
    }

private:
    sys::SignalQueue queue_;
    Gateway& gateway_;
};

}  // namespace

Result<> serve(const std::function<void(const std::string&)>& log) {
    TRY(sys::end_with_parent());
    sys::ignore_broken_pipe();
    // SIGHUP too: it is taken from the queue, and nothing comes of it.
    auto queue = TRY(sys::SignalQueue::open({SIGTERM, SIGHUP}));
    if (auto started = sys::check_packet_listener(kControl); !started)
        return fail(std::move(started.error()).with_hint("crank up starts it"));
    const std::size_t files = sys::raise_open_files();
    Journal journal{sys::UniqueFd(kJournal)};
    std::vector<std::pair<std::string, std::vector<sys::UniqueFd>>> in_force;
    TRY(journal.replay([&](std::string_view request, std::vector<sys::UniqueFd> descriptors) {
        in_force.emplace_back(request, std::move(descriptors));
    }));
    TRY(enter_sandbox());
    auto loop = TRY(Loop::create());
    loop->set_most_files(files);
    Gateway gateway(*loop, log);
    Signals signals(std::move(queue), gateway);
    auto watched = TRY(loop->watch(sys::UniqueFd(signals.fd()), &signals, Trigger::level));
    for (auto& [request, descriptors] : in_force)
        gateway.perform(request, std::move(descriptors), nullptr, [](const std::string&) {});
    gateway.tell(journal);
    auto control = TRY(Control::open(*loop, gateway, sys::UniqueFd(kControl)));
    journal.serves();
    log("serves");
    while (!gateway.has_stopped()) TRY(loop->run_round());
    // Its answer to `stop` goes out before the process ends.
    return loop->run_round(Loop::Wait::not_at_all);
}

}  // namespace crank::gateway
