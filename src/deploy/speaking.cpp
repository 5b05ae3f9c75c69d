#include "deploy/speaking.h"

#include <algorithm>

#include "deploy/desired.h"

namespace crank::deploy {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
// Others are looked at meanwhile. Who answers does it within the second one, mostly.
constexpr milliseconds kPatience(20), kSoon(500), kAskAgain(200);

}  // namespace

Result<Speaking::Says> Speaking::look() {
    engine::Container container = TRY(engine::find(world_->paths, id_));
    if (!begun_)
        for (std::uint16_t port : traffic_->may_speak_http(container, ports_)) asked_[port] = {};
    if (!begun_) begun_ = Clock::now();
    bool closed = false;
    for (auto one = asked_.begin(); one != asked_.end();) {
        Question::Answer answer = TRY(look_at(container, one->first, one->second));
        if (answer == Question::Answer::http) return Says::http;
        closed = closed || answer == Question::Answer::closed;
        one = answer == Question::Answer::other ? asked_.erase(one) : std::next(one);
    }
    if (asked_.empty()) return Says::unknown;
    if (!closed && Clock::now() - *begun_ < kSoon) return Says::nothing_yet;
    if (!known_) known_ = is_to_speak_http(container);
    if (!*known_) return Says::unknown;
    std::string name = engine::shown_name(container.record);
    auto failed = [&](Code code, const std::string& why) {
        return fail(
            Error(code, what_ + ": container " + name + " " + why).with_hint("crank logs " + name));
    };
    if (container.state.status != engine::Status::running)
        return failed(Code::failed_precondition,
                      "exited (" + std::to_string(container.state.exit.code) + ")");
    const std::string silent = "takes connections on port " +
                               std::to_string(asked_.begin()->first) + ", and answers no request";
    patience_.look(*world_, container, [&] { return "it " + silent + " yet"; });
    if (Clock::now() < deadline_) return Says::nothing_yet;
    return failed(Code::deadline_exceeded, silent);
}

Result<Speaking::Question::Answer> Speaking::look_at(const engine::Container& container,
                                                     std::uint16_t port, Asked& asked) const {
    if (!asked.question) {
        if (Clock::now() < asked.next_ask) return Question::Answer::none_yet;
        std::uint16_t own = listens_on(container.record, port).value_or(port);
        asked.question = TRY(Question::ask(container, own));
        asked.next_ask = Clock::now() + kAskAgain;
    }
    Question::Answer answer = TRY(asked.question->look(kPatience));
    if (answer == Question::Answer::closed) asked.question.reset();
    return answer;
}

bool Speaking::is_to_speak_http(const engine::Container& container) const {
    auto service =
        std::ranges::find(world_->desired.services,
                          label_of(container.record.labels, kServiceLabel), &DesiredService::name);
    if (service == world_->desired.services.end()) return false;
    std::set<std::uint16_t> asked;
    for (const auto& [port, one] : asked_) {
        auto said = service->speaks_http.find(port);
        if (said != service->speaks_http.end() && said->second) return true;
        asked.insert(port);
    }
    return traffic_->answers_http_beside(id_, asked);
}

}  // namespace crank::deploy
