#include "build/agent_relay.h"

#include <array>
#include <chrono>
#include <optional>

#include "base/text.h"
#include "build/program.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/system.h"
#include "sys/unix_socket.h"

namespace crank::build {

namespace {

constexpr std::size_t kMaxConnections = 32;
constexpr std::chrono::milliseconds kLook{20};
constexpr int kLooks = 250;  // for the agent to listen

// One direction of a connection: what was read and waits to be written.
struct Flow {
    std::array<char, 8192> buffer{};
    std::size_t filled = 0, sent = 0;
    bool ended = false;   // nothing more comes
    bool closed = false;  // and the other end knows it

    bool wants_input() const { return !ended && filled == 0; }
    bool wants_output() const { return sent < filled; }

    // false: the connection is broken.
    bool move(int from, int to) {
        if (wants_input()) {
            auto n = sys::read_some(from, buffer);
            if (!n) return false;
            if (*n) {
                filled = **n;
                ended = **n == 0;
            }
        }
        if (wants_output()) {
            auto n = sys::write_some(to, std::span(buffer).subspan(sent, filled - sent));
            if (!n) return false;
            if (*n) sent += **n;
            if (sent == filled) sent = filled = 0;
        }
        if (ended && !closed && !wants_output()) {
            closed = true;
            return sys::finish_sending(to).has_value();
        }
        return true;
    }
};

struct Connection {
    sys::UniqueFd client, agent;
    Flow there, back;

    bool step() {
        return there.move(client.get(), agent.get()) && back.move(agent.get(), client.get()) &&
               !(there.closed && back.closed);
    }
};

void relay(sys::UniqueFd listener, const std::string& agent, sys::UniqueFd stop) {
    std::vector<Connection> connections;
    while (true) {
        std::vector<sys::PollEntry> entries{
            {.fd = stop.get(), .want_read = true},
            {.fd = connections.size() < kMaxConnections ? listener.get() : -1, .want_read = true}};
        for (const Connection& c : connections) {
            entries.push_back({.fd = c.client.get(),
                               .want_read = c.there.wants_input(),
                               .want_write = c.back.wants_output()});
            entries.push_back({.fd = c.agent.get(),
                               .want_read = c.back.wants_input(),
                               .want_write = c.there.wants_output()});
        }
        if (!sys::poll(entries, std::nullopt)) return;
        if (entries[0].readable || entries[0].hung_up) return;
        std::erase_if(connections, [](Connection& c) { return !c.step(); });
        if (!entries[1].readable) continue;
        auto client = sys::accept_unix(listener.get());
        if (!client) return;
        if (!*client) continue;
        auto server = sys::connect_unix(agent);
        if (!server || !sys::set_nonblocking(server->get())) continue;
        connections.push_back({std::move(**client), std::move(*server), {}, {}});
    }
}

}  // namespace

Result<AgentRelay> AgentRelay::open(const std::string& path, const std::string& agent,
                                    std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
    // Now, rather than when the step fails with a word of ssh's.
    TRY_IN(sys::connect_unix(agent), "the ssh agent");
    sys::UniqueFd listener = TRY(sys::listen_unix(path));
    TRY(sys::set_nonblocking(listener.get()));
    TRY(sys::set_owner_at(sys::kCwd, path, uid, gid));
    TRY(sys::set_mode_at(sys::kCwd, path, mode));
    sys::Pipe pipe = TRY(sys::make_pipe());
    AgentRelay made;
    made.stop_ = std::move(pipe.write);
    made.thread_ =
        std::thread([listener = std::move(listener), agent, stop = std::move(pipe.read)]() mutable {
            relay(std::move(listener), agent, std::move(stop));
        });
    return made;
}

AgentRelay::~AgentRelay() {
    stop_.reset();
    if (thread_.joinable()) thread_.join();
}

Result<OwnAgent> OwnAgent::start(const std::string& directory,
                                 const std::vector<std::string>& keys) {
    std::vector<std::string> environment = sys::environment();
    std::string path = "/usr/bin:/bin";
    for (const std::string& entry : environment)
        if (entry.starts_with("PATH=")) path = entry.substr(5);
    std::string agent = find_program("ssh-agent", path), add = find_program("ssh-add", path);
    if (agent.empty() || add.empty())
        return fail(
            Error(Code::not_found,
                  "keys for --ssh take ssh-agent and ssh-add, which are not "
                  "installed")
                .with_hint("start an agent and give its socket: --ssh default=$SSH_AUTH_SOCK"));
    OwnAgent own;
    own.socket_ = directory + "/agent";
    sys::UniqueFd null = TRY(sys::open("/dev/null", 2));
    sys::SpawnRequest request{agent, {"ssh-agent", "-D", "-a", own.socket_}, environment, {}, "",
                              false};
    for (int fd : {0, 1, 2}) request.fds.emplace_back(null.get(), fd);
    own.agent_ = TRY(sys::spawn(request));
    for (int look = 0; !sys::connect_unix(own.socket_); ++look) {
        if (look == kLooks || TRY(own.agent_.wait_for(kLook)))
            return fail(Code::failed_precondition, "ssh-agent did not start");
    }
    std::erase_if(environment, [](const std::string& entry) {
        return entry.starts_with("SSH_AUTH_SOCK=") || entry.starts_with("SSH_ASKPASS");
    });
    environment.push_back("SSH_AUTH_SOCK=" + own.socket_);
    for (const std::string& key : keys) {
        auto output =
            TRY(sys::run_command({add, {"ssh-add", "-q", key}, environment, {}, "", true}));
        if (output.status.shell_code() == 0) continue;
        return fail(
            Error(Code::invalid_argument,
                  "ssh-add does not take the key " + key + ": " + std::string(trim(output.err)))
                .with_hint("a key with a passphrase: ssh-add it to your agent, and give --ssh "
                           "default"));
    }
    return own;
}

}  // namespace crank::build
