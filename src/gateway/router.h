// All targets, and backends that are being drained.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/backend.h"
#include "gateway/target.h"

namespace crank::gateway {

class Router;

// A place in a backend's list of users, given back when it goes.
class Lease {
public:
    Lease() = default;
    Lease(Router& router, std::shared_ptr<Backend> backend, User& user);
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }

    explicit operator bool() const { return backend_ != nullptr; }
    Backend& backend() const { return *backend_; }
    const std::shared_ptr<Backend>& shared() const { return backend_; }
    void release();
    void pass_to(User& user) { *place_ = &user; }

private:
    Router* router_ = nullptr;
    std::shared_ptr<Backend> backend_;
    std::list<User*>::iterator place_;
};

class Router {
public:
    explicit Router(Loop& loop);
    ~Router();

    // A target that nobody has routed has no backends.
    Target& target(const std::string& name);
    const std::map<std::string, std::unique_ptr<Target>>& targets() const { return targets_; }

    // What is routed to no more, and still in use.
    std::span<const std::shared_ptr<Backend>> unrouted() const { return unrouted_; }

    // From now on these alone. Drains of what is routed again end with an error.
    void route(const std::string& target, std::vector<BackendSpec> backends, Milliseconds hold);
    // The container has ended: whatever goes through it is cut, and nobody is led to its address,
    // which may be another's by now.
    void lose(const std::string& id);
    // It runs, at that address. Nothing for a container that no target has or has had.
    void find_again(const std::string& id, const std::string& address);
    // One that is not well comes after all others, until it is again, or is another life of it.
    // False: nothing new.
    bool judge(const std::string& id, bool well);
    // The next one that is not in `tried`.
    std::shared_ptr<Backend> choose(Target& target,
                                    std::span<const std::shared_ptr<Backend>> tried);

    // Is told once: how many were cut, or why the drain ended otherwise.
    using Drained = std::function<void(Result<std::size_t>)>;
    // Takes effect at once; `done` may be called before it returns. `waiter` names the one who
    // asked. in_use: a target still has the backend.
    Result<> drain(const std::string& id, Milliseconds grace, const void* waiter, Drained done);
    // Whoever asked has gone. The drains go on.
    void forget(const void* waiter);
    // How much goes through the backend now: requests, and connections that are relayed.
    std::size_t active(const std::string& id) const;

    // Some target has it.
    bool is_routed(const std::string& id) const;

private:
    friend class Lease;
    class Drain;
    std::vector<std::shared_ptr<Backend>> find(const std::string& id) const;
    void released(const Backend& backend);
    void finish(Drain& drain, Result<std::size_t> outcome);
    void cut(Drain& drain);
    std::unique_ptr<Drain> take(Drain& drain);
    std::shared_ptr<Backend> make_or_reuse(const Target& target, BackendSpec spec);
    void let_go(std::span<const std::shared_ptr<Backend>> before);
    void end_drains_of(const Target& target);

    Loop& loop_;
    std::map<std::string, std::unique_ptr<Target>> targets_;
    std::vector<std::shared_ptr<Backend>> unrouted_;  // something still goes through them
    std::list<std::unique_ptr<Drain>> drains_;
    std::set<std::string> ill_;  // containers, by their ids
};

}  // namespace crank::gateway
