#include "gateway/gateway.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace crank::gateway {

namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string refusal(const Error& error) { return dump({{"ok", false}, {"error", error.text()}}); }
std::string answer_of(const Result<>& result) {
    return result ? dump({{"ok", true}}) : refusal(result.error());
}
std::string answer_of_cut(const Result<std::size_t>& cut) {
    return cut ? dump({{"ok", true}, {"cut", *cut}}) : refusal(cut.error());
}

// What is as it always is, is left out: the answer is one packet.
Json json_of(const Backend& backend) {
    const BackendSpec& spec = backend.spec();
    Json json = {{"id", spec.id}, {"address", spec.address}, {"port", spec.port}};
    if (spec.weight != 1) json["weight"] = spec.weight;
    if (backend.requests != 0) json["requests"] = backend.requests;
    if (!backend.users.empty()) json["active"] = backend.users.size();
    if (backend.failures != 0) json["failures"] = backend.failures;
    if (backend.errors != 0) json["errors"] = backend.errors;
    return json;
}

std::string shown(const std::vector<BackendSpec>& backends) {
    std::string text;
    for (const BackendSpec& spec : backends) {
        text += (text.empty() ? "" : ", ") + spec.id + " at " + spec.address + " port " +
                std::to_string(spec.port);
        if (spec.weight != 1) text += " weight " + std::to_string(spec.weight);
    }
    return text.empty() ? "none" : text;
}

}  // namespace

Gateway::Gateway(Loop& loop, Log log)
    : loop_(loop),
      log_(std::move(log)),
      router_(loop),
      connections_(loop),
      context_{loop, router_, connections_, totals_, stopping_, log_},
      stop_timer_(loop.timers(), *this) {
    connections_.on_empty = [this] {
        if (stopping_ && !stopped_) stopped(0);
    };
}

Gateway::~Gateway() {
    connections_.on_empty = nullptr;
    connections_.end_all();
    for (auto& [id, acceptor] : listeners_) acceptor->close_now();
    for (auto& [id, life] : lives_) loop_.close(std::move(life));
    // What has just ended uses what goes now.
    loop_.clear();
}

void Gateway::perform(std::string_view text, std::vector<sys::UniqueFd> descriptors,
                      const void* asker, Answer answer) {
    auto request = parse_control(text);
    if (!request) return answer(refusal(request.error()));
    const bool takes = std::holds_alternative<ListenRequest>(*request) ||
                       std::holds_alternative<WatchRequest>(*request);
    if (!takes && !descriptors.empty())
        return answer(answer_of(
            fail(Code::invalid_argument, "a descriptor came with an operation that takes none")));
    if (const auto* drain_request = std::get_if<DrainRequest>(&*request))
        return drain(*drain_request, asker, answer);
    if (std::holds_alternative<StateRequest>(*request)) return answer(state());
    if (const auto* stop_request = std::get_if<StopRequest>(&*request)) {
        waiting_for_stop_.push_back({asker, std::move(answer)});
        return stop(stop_request->grace);
    }
    std::vector<std::string> before = backends_of(*request);
    auto performed = perform_now(*request, descriptors);
    if (performed && journal_) {
        keep(*request, text);
        forget_lives_of(before);
    }
    answer(answer_of(performed));
}

// A route: who the target had until now.
std::vector<std::string> Gateway::backends_of(const ControlRequest& request) const {
    std::vector<std::string> ids;
    const auto* routed = std::get_if<RouteRequest>(&request);
    if (!routed || !router_.targets().contains(routed->target)) return ids;
    for (const auto& backend : router_.targets().at(routed->target)->backends)
        ids.push_back(backend->spec().id);
    return ids;
}

void Gateway::keep(const ControlRequest& request, std::string_view text) {
    if (const auto* listened = std::get_if<ListenRequest>(&request))
        journal_->keep(listen_key(listened->id), text, listeners_.at(listened->id)->fd());
    if (const auto* unlistened = std::get_if<UnlistenRequest>(&request))
        journal_->forget(listen_key(unlistened->id));
    if (const auto* watched = std::get_if<WatchRequest>(&request))
        journal_->keep(watch_key(watched->backend), text, lives_.at(watched->backend)->fd());
    if (const auto* routed = std::get_if<RouteRequest>(&request))
        journal_->keep(route_key(routed->target), text);
}

void Gateway::forget_lives_of(const std::vector<std::string>& backends) {
    for (const std::string& id : backends)
        if (!router_.is_routed(id)) journal_->forget(watch_key(id));
}

Result<> Gateway::perform_now(const ControlRequest& request,
                              std::vector<sys::UniqueFd>& descriptors) {
    if (stopping_) return fail(Code::failed_precondition, "the gateway stops");
    if (const auto* listen_request = std::get_if<ListenRequest>(&request))
        return listen(*listen_request, descriptors);
    if (const auto* unlisten_request = std::get_if<UnlistenRequest>(&request))
        return unlisten(*unlisten_request);
    if (const auto* watch_request = std::get_if<WatchRequest>(&request))
        return watch(*watch_request, descriptors);
    if (const auto* judge_request = std::get_if<JudgeRequest>(&request))
        return judge(*judge_request);
    route(std::get<RouteRequest>(request));
    return {};
}

Result<> Gateway::judge(const JudgeRequest& request) {
    if (!router_.is_routed(request.backend))
        return fail(Code::not_found, "judge: nothing leads to " + request.backend);
    if (router_.judge(request.backend, request.well))
        log_("container " + request.backend +
             (request.well ? " is well again" : " is unhealthy: others come first"));
    return {};
}

Result<> Gateway::watch(const WatchRequest& request, std::vector<sys::UniqueFd>& descriptors) {
    if (descriptors.size() != 1)
        return fail(Code::invalid_argument, "watch " + request.backend + ": " +
                                                std::to_string(descriptors.size()) +
                                                " descriptors came with it, one is wanted");
    auto life = TRY_IN(loop_.watch(std::move(descriptors[0]), this, Trigger::level),
                       "watch " + request.backend);
    std::unique_ptr<Socket>& slot = lives_[request.backend];
    if (slot) loop_.close(std::move(slot));
    slot = std::move(life);
    log_("watches " + request.backend + " at " + request.address);
    router_.find_again(request.backend, request.address);
    return {};
}

void Gateway::on_ready(Socket& socket) {
    auto at = std::ranges::find_if(lives_,
                                   [&](const auto& life) { return life.second.get() == &socket; });
    if (at == lives_.end() || !socket.readable) return;
    const std::string id = at->first;
    loop_.close(std::move(at->second));
    lives_.erase(at);
    log_("container " + id + " has ended");
    router_.lose(id);
}

Result<> Gateway::listen(const ListenRequest& request, std::vector<sys::UniqueFd>& descriptors) {
    if (descriptors.size() != 1)
        return fail(Code::invalid_argument, "listen " + request.id + ": " +
                                                std::to_string(descriptors.size()) +
                                                " descriptors came with it, one is wanted");
    auto listener =
        std::make_shared<Listener>(Listener{request.id, request.target, request.protocol});
    auto acceptor = TRY_IN(Acceptor::open(context_, std::move(descriptors[0]), std::move(listener)),
                           "listen " + request.id);
    std::unique_ptr<Acceptor>& slot = listeners_[request.id];
    // The old one goes after the new is in place: nobody finds the port closed.
    std::unique_ptr<Acceptor> old = std::exchange(slot, std::move(acceptor));
    if (old) {
        old->give_way();
        loop_.retire(std::move(old));
    }
    log_("listens on " + request.id + " for " + request.target + " (" +
         std::string(word_of(request.protocol)) + ")");
    return {};
}

Result<> Gateway::unlisten(const UnlistenRequest& request) {
    auto at = listeners_.find(request.id);
    if (at == listeners_.end())
        return fail(Code::not_found, "unlisten: there is no listener " + request.id);
    std::unique_ptr<Acceptor> old = std::move(at->second);
    listeners_.erase(at);
    old->close();
    loop_.retire(std::move(old));
    log_("listens no more on " + request.id);
    return {};
}

void Gateway::route(const RouteRequest& request) {
    log_("routes " + request.target + " to " + shown(request.backends));
    router_.route(request.target, request.backends, request.hold);
}

void Gateway::drain(const DrainRequest& request, const void* asker, const Answer& answer) {
    auto drained = [log = log_, id = request.backend, answer](Result<std::size_t> cut) {
        if (cut) log("drained " + id + ", " + std::to_string(*cut) + " cut");
        answer(answer_of_cut(cut));
    };
    auto begun = router_.drain(request.backend, request.grace, asker, drained);
    if (!begun) return answer(refusal(begun.error()));
    if (const std::size_t open = router_.active(request.backend); open > 0)
        log_("drains " + request.backend + ", " + std::to_string(open) + " open");
}

void Gateway::forget(const void* asker) {
    router_.forget(asker);
    waiting_for_stop_.remove_if([asker](const Told& told) { return told.asker == asker; });
}

std::string Gateway::state() const {
    Json listeners = Json::array(), targets = Json::array();
    for (const auto& [id, acceptor] : listeners_) {
        const Listener& listener = acceptor->listener();
        listeners.push_back(
            {{"id", id}, {"target", listener.target}, {"protocol", word_of(listener.protocol)}});
    }
    for (const auto& [name, target] : router_.targets()) {
        Json backends = Json::array();
        for (const auto& backend : target->backends) backends.push_back(json_of(*backend));
        targets.push_back({{"target", name},
                           {"backends", backends},
                           {"hold_ms", target->hold.count()},
                           {"waiting", target->waiting.size()}});
    }
    Json draining = Json::array();
    for (const auto& backend : router_.unrouted()) draining.push_back(json_of(*backend));
    const Json totals = {{"connections", totals_.connections}, {"requests", totals_.requests},
                         {"tunnels", totals_.tunnels},         {"retries", totals_.retries},
                         {"refused", totals_.refused},         {"failed", totals_.failed},
                         {"open", connections_.size()}};
    return dump({{"ok", true},
                 {"version", CRANK_VERSION},
                 {"listeners", listeners},
                 {"targets", targets},
                 {"draining", draining},
                 {"totals", totals}});
}

void Gateway::stop(Milliseconds grace) {
    if (stopped_) return;
    const bool first = !std::exchange(stopping_, true);
    stop_timer_.set(grace);
    if (!first) return;
    log_("stops");
    for (auto& [id, acceptor] : listeners_) {
        acceptor->close();
        loop_.retire(std::move(acceptor));
    }
    listeners_.clear();
    connections_.end_idle();
    if (connections_.size() == 0 && !stopped_) stopped(0);
}

void Gateway::on_due() {
    // The last one that ends must not report that all ended by itself.
    stopped_ = true;
    stopped(connections_.end_all());
}

void Gateway::stopped(std::size_t cut) {
    stopped_ = true;
    stop_timer_.cancel();
    log_("stopped, " + std::to_string(cut) + " connections cut");
    for (Told& told : std::exchange(waiting_for_stop_, {})) told.answer(answer_of_cut(cut));
}

}  // namespace crank::gateway
