#include "gateway/router.h"

#include <algorithm>
#include <utility>

#include "gateway/routing.h"

namespace crank::gateway {

Lease::Lease(Router& router, std::shared_ptr<Backend> backend, User& user)
    : router_(&router), backend_(std::move(backend)) {
    place_ = backend_->users.insert(backend_->users.end(), &user);
    ++backend_->requests;
}

Lease::Lease(Lease&& other) noexcept
    : router_(other.router_), backend_(std::move(other.backend_)), place_(other.place_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    router_ = other.router_;
    backend_ = std::move(other.backend_);
    place_ = other.place_;
    return *this;
}

void Lease::release() {
    if (!backend_) return;
    const std::shared_ptr<Backend> backend = std::move(backend_);
    backend_.reset();
    backend->users.erase(place_);
    router_->released(*backend);
}

class Router::Drain : public Watcher {
public:
    Drain(Router& router, std::string backend, const void* asker, Drained told)
        : id(std::move(backend)),
          waiter(asker),
          done(std::move(told)),
          router_(router),
          timer_(router.loop_.timers(), *this) {}
    void start(Milliseconds grace) { timer_.set(grace); }
    void stop() { timer_.cancel(); }
    void on_ready(Socket&) override {}
    void on_due() override { router_.cut(*this); }

    const std::string id;
    const void* waiter;
    Drained done;  // empty: nobody waits any more

private:
    Router& router_;
    Timer timer_;
};

Router::Router(Loop& loop) : loop_(loop) {}
Router::~Router() = default;

Target& Router::target(const std::string& name) {
    auto& slot = targets_[name];
    if (!slot) slot = std::make_unique<Target>(loop_, name);
    return *slot;
}

std::shared_ptr<Backend> Router::make_or_reuse(const Target& target, BackendSpec spec) {
    auto same = [&](const std::shared_ptr<Backend>& backend) {
        const BackendSpec& known = backend->spec();
        return known.id == spec.id && known.address == spec.address && known.port == spec.port;
    };
    for (const auto* list : {&target.backends, &std::as_const(unrouted_)}) {
        auto at = std::ranges::find_if(*list, same);
        if (at == list->end()) continue;
        (*at)->set_weight(spec.weight);
        return *at;
    }
    return std::make_shared<Backend>(loop_, std::move(spec));
}

void Router::let_go(std::span<const std::shared_ptr<Backend>> before) {
    for (const auto& backend : before) {
        if (backend->routed) continue;
        backend->close_idle();
        backend->credit = 0;
        if (backend->users.empty()) continue;
        unrouted_.push_back(backend);
        // Whoever goes leaves the list.
        for (User* user : std::list(backend->users)) user->move_on();
    }
}

void Router::route(const std::string& name, std::vector<BackendSpec> specs, Milliseconds hold) {
    Target& target = this->target(name);
    std::vector<std::shared_ptr<Backend>> next;
    for (BackendSpec& spec : specs) next.push_back(make_or_reuse(target, std::move(spec)));
    for (const auto& backend : target.backends) backend->routed = false;
    for (const auto& backend : next) backend->routed = true;
    std::erase_if(unrouted_, [](const auto& backend) { return backend->routed; });
    target.backends.swap(next);
    target.hold = hold;
    target.lost.clear();
    target.has_served = std::ranges::any_of(target.backends, [&](const auto& backend) {
        return target.has_served && std::ranges::find(next, backend) != next.end();
    });
    let_go(next);
    end_drains_of(target);
    target.routed();
}

bool Router::judge(const std::string& id, bool well) {
    return well ? ill_.erase(id) != 0 : ill_.insert(id).second;
}

void Router::lose(const std::string& id) {
    ill_.erase(id);
    for (auto& [name, target] : targets_) {
        std::vector<std::shared_ptr<Backend>> gone;
        for (const auto& backend : target->backends)
            if (backend->spec().id == id) gone.push_back(backend);
        if (gone.empty()) continue;
        std::erase_if(target->backends,
                      [&](const auto& backend) { return backend->spec().id == id; });
        for (const auto& backend : gone) {
            target->lost.push_back(backend->spec());
            backend->routed = false;
        }
        target->hold = std::min(target->hold, Target::kRestarts);
        let_go(gone);
    }
    for (const auto& backend : find(id))
        while (!backend->users.empty()) backend->users.front()->lost();
}

void Router::find_again(const std::string& id, const std::string& address) {
    for (auto& [name, target] : targets_) {
        std::vector<BackendSpec> specs;
        bool changed = false;
        auto take = [&](BackendSpec spec) {
            changed = changed || (spec.id == id && spec.address != address);
            if (spec.id == id) spec.address = address;
            specs.push_back(std::move(spec));
        };
        for (const auto& backend : target->backends) take(backend->spec());
        std::vector<BackendSpec> others;
        for (BackendSpec& spec : target->lost) {
            if (spec.id != id)
                others.push_back(std::move(spec));
            else {
                changed = true;
                take(std::move(spec));
            }
        }
        target->lost = others;
        if (!changed) continue;
        route(name, std::move(specs), target->hold);
        target->lost = std::move(others);
        // What is started anew takes its time.
        target->has_served = false;
    }
}

void Router::end_drains_of(const Target& target) {
    for (const auto& backend : target.backends) {
        const std::string& id = backend->spec().id;
        while (true) {
            auto at = std::ranges::find_if(drains_, [&](auto& drain) { return drain->id == id; });
            if (at == drains_.end()) break;
            finish(**at, fail(Code::failed_precondition,
                              "backend " + id + " was routed to again by target " + target.name));
        }
    }
}

std::shared_ptr<Backend> Router::choose(Target& target,
                                        std::span<const std::shared_ptr<Backend>> tried) {
    if (target.backends.size() == 1) {
        const auto& only = target.backends.front();
        const bool usable =
            only->spec().weight > 0 && std::ranges::find(tried, only) == tried.end();
        return usable ? only : nullptr;
    }
    std::vector<Candidate> candidates;
    candidates.reserve(target.backends.size());
    for (const auto& backend : target.backends)
        candidates.push_back({backend->spec().weight, &backend->credit, backend->users.size(),
                              backend->is_passed_over() || ill_.contains(backend->spec().id),
                              std::ranges::find(tried, backend) != tried.end()});
    auto chosen = gateway::choose(candidates);
    return chosen ? target.backends[*chosen] : nullptr;
}

bool Router::is_routed(const std::string& id) const {
    for (const auto& [name, target] : targets_)
        for (const auto& backend : target->backends)
            if (backend->spec().id == id) return true;
    return false;
}

std::vector<std::shared_ptr<Backend>> Router::find(const std::string& id) const {
    std::vector<std::shared_ptr<Backend>> found;
    for (const auto& backend : unrouted_)
        if (backend->spec().id == id) found.push_back(backend);
    return found;
}

std::size_t Router::active(const std::string& id) const {
    std::size_t count = 0;
    for (const auto& backend : find(id)) count += backend->users.size();
    return count;
}

void Router::released(const Backend& backend) {
    if (backend.routed || !backend.users.empty()) return;
    const std::string id = backend.spec().id;
    std::erase_if(unrouted_, [&](const auto& one) { return one.get() == &backend; });
    if (drains_.empty() || active(id) > 0) return;
    while (true) {
        auto at = std::ranges::find_if(drains_, [&](auto& drain) { return drain->id == id; });
        if (at == drains_.end()) return;
        finish(**at, std::size_t{0});
    }
}

Result<> Router::drain(const std::string& id, Milliseconds grace, const void* waiter,
                       Drained done) {
    if (is_routed(id))
        return fail(Code::in_use,
                    "backend " + id + " is still routed to: route its targets to others first");
    for (const auto& backend : find(id)) backend->close_idle();
    if (active(id) == 0) {
        done(std::size_t{0});
        return {};
    }
    drains_.push_back(std::make_unique<Drain>(*this, id, waiter, std::move(done)));
    drains_.back()->start(grace);
    return {};
}

void Router::forget(const void* waiter) {
    for (const auto& drain : drains_)
        if (drain->waiter == waiter) drain->done = nullptr;
}

// What is cut gives its lease back, which ends other drains of this backend; this one says how
// many.
void Router::cut(Drain& drain) {
    std::unique_ptr<Drain> over = take(drain);
    const std::vector<std::shared_ptr<Backend>> backends = find(over->id);
    const std::size_t count = active(over->id);
    for (const auto& backend : backends)
        while (!backend->users.empty()) backend->users.front()->cut();
    if (over->done) over->done(count);
    loop_.retire(std::move(over));
}

std::unique_ptr<Router::Drain> Router::take(Drain& drain) {
    auto at = std::ranges::find(drains_, &drain, &std::unique_ptr<Drain>::get);
    std::unique_ptr<Drain> taken = std::move(*at);
    drains_.erase(at);
    taken->stop();
    return taken;
}

void Router::finish(Drain& drain, Result<std::size_t> outcome) {
    std::unique_ptr<Drain> over = take(drain);
    if (over->done) over->done(std::move(outcome));
    loop_.retire(std::move(over));
}

}  // namespace crank::gateway
