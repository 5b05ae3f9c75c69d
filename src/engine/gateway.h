// The gateway of a project: the process crank-gateway, which holds its published ports and leads
// each request to the containers that are to have it (decision 45). This is crank's side.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "sys/unique_fd.h"

namespace crank::engine {

struct GatewayBackend {
    std::string id;       // the container's
    std::string address;  // a literal one
    std::uint16_t port = 0;
    std::int64_t weight = 1;  // its share of the requests, among those of the others; 0: none
    // What it has had, since the gateway began; of a view. Failed: answered with 500 or more, or
    // broken off.
    std::uint64_t requests = 0, failed = 0;
    bool operator==(const GatewayBackend&) const = default;
};

struct GatewayListener {
    std::string id, target;
    bool operator==(const GatewayListener&) const = default;
};

struct GatewayTarget {
    std::string name;
    std::vector<GatewayBackend> backends;
};

struct GatewayView {
    std::vector<GatewayListener> listeners;
    std::vector<GatewayTarget> targets;
};

// A connection to it. Errors of all calls: failed_precondition, where it has ended and with its
// words what it refuses; deadline_exceeded.
class Gateway {
public:
    // Nothing: it does not run.
    static Result<std::optional<Gateway>> find(const Paths& paths, const std::string& project);
    // Starts it where it does not run, beside the containers' bridges: `home` as network_home()
    // has it, -1: this process's own network. Under the project's lock.
    static Result<Gateway> start(const Paths& paths, const std::string& project, int home);

    // `protocol`: "auto", "http", "tcp". What listens goes along.
    Result<> listen(const GatewayListener& listener, const std::string& protocol, int socket);
    Result<> unlisten(const std::string& id);
    // From now on these have what comes. While there are none it is held, so long at most.
    Result<> route(const std::string& target, const std::vector<GatewayBackend>& backends,
                   std::chrono::milliseconds hold);
    // The container's first process runs, and its end is the end of what leads there; where it had
    // ended it is led to again, at this address.
    Result<> watch(const std::string& container, const std::string& address, int pidfd);
    // Where it is not well others come first. Error: failed_precondition, where nothing leads to
    // it.
    Result<> judge(const std::string& container, bool well);
    // Until nothing goes through the container any more; what does after `grace` is cut: how much.
    Result<std::int64_t> drain(const std::string& container, std::chrono::milliseconds grace);
    Result<GatewayView> view();
    // It ends; what is under way has so long.
    Result<> stop(std::chrono::milliseconds grace);
    // At once.
    Result<> kill();

private:
    static Result<bool> is_gone(const Paths& paths, const std::string& project);
    // Of one that was killed meanwhile: of the one that takes its place.
    Result<std::string> ask(const std::string& question, std::chrono::milliseconds patience,
                            int descriptor);
    Gateway(sys::UniqueFd socket, std::string dir)
        : socket_(std::move(socket)), dir_(std::move(dir)) {}

    sys::UniqueFd socket_;
    std::string dir_;
};

// A container has been started again, maybe at another address. Nothing to do without a gateway,
// and where that does not lead to it.
Result<> tell_gateway(const Paths& paths, const Record& record, pid_t pid);
// What its health check says.
Result<> tell_gateway_of_health(const Paths& paths, const Record& record, bool well);

}  // namespace crank::engine
