#include "engine/local/outside_probe.h"

#include <array>
#include <chrono>
#include <csignal>
#include <functional>

#include "base/text.h"
#include "base/units.h"
#include "engine/http_probe.h"
#include "engine/paths.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/system.h"
#include "sys/tcp.h"

namespace crank::engine::local {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kFailed = 1, kNotInTime = -1;
constexpr int kConnection = 3;  // crank-net's

milliseconds left_until(Clock::time_point end) {
    auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    return left.count() < 0 ? milliseconds(0) : left;
}

struct Answer {
    int code = kFailed;
    std::string text;
};

std::string timeout_text(const HealthCheck& check) {
    return "Health check exceeded timeout (" + format_duration(times_of(check).timeout) + ")";
}

// With the calling thread in the container's network namespace, or where that is crank's own.
Result<> beside_worker(const Container& container, const std::function<Result<>()>& work) {
    std::string theirs = "/proc/" + std::to_string(container.state.pid) + "/ns/net";
    if (TRY(sys::stat(theirs)).inode == TRY(sys::stat("/proc/self/ns/net")).inode) return work();
    sys::UniqueFd space = TRY(sys::open(theirs, 0));
    return sys::run_in_network_namespace(space.get(), work);
}

class OutsideProbe {
public:
    OutsideProbe(const Container& container, const HealthCheck& check, ProbeTarget target)
        : container_(container), check_(check), target_(std::move(target)) {
        end_ = Clock::now() + times_of(check).timeout;
        const std::string& own = container.record.network.address;
        address_ = !target_.host.empty() ? target_.host : own.empty() ? "127.0.0.1" : own;
    }

    Result<Answer> run() {
        Answer answer;
        TRY(beside_worker(container_, [&]() -> Result<> {
            answer = TRY(ask());
            return {};
        }));
        return answer;
    }

private:
    using Kind = ProbeTarget::Kind;

    Result<Answer> ask() {
        Result<sys::UniqueFd> connection =
            sys::connect_tcp(address_, target_.port, left_until(end_));
        if (!connection) return refused(connection.error());
        switch (target_.kind) {
            case Kind::tcp: return Answer{0, "connected to " + place()};
            case Kind::http: return ask_plain(connection->get());
            case Kind::https:
            case Kind::tls: break;
        }
        return ask_crank_net(std::move(*connection));
    }

    std::string place() const {
        bool v6 = address_.find(':') != std::string::npos;
        return (v6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(target_.port);
    }

    // The commonest mistake of all.
    Answer refused(const Error& error) {
        if (error.code() == Code::deadline_exceeded)
            return {kNotInTime, timeout_text(check_) + ": no connection to " + place()};
        std::string text = "connect to " + place() + ": " + error.text();
        bool other = target_.host.empty() && address_ != "127.0.0.1" &&
                     sys::connect_tcp("127.0.0.1", target_.port, left_until(end_)).has_value();
        if (other)
            text +=
                "; on 127.0.0.1 something listens: the worker must listen on 0.0.0.0, or "
                "nobody reaches it";
        return {kFailed, text};
    }

    Answer verdict(std::string_view bytes) const {
        HttpVerdict verdict = judge_http(bytes);
        return {verdict.passed ? 0 : kFailed,
                "GET " + target_.path + " of " + place() + ": " + verdict.text};
    }

    Answer late(std::size_t got) const {
        return {kNotInTime, timeout_text(check_) + ": " + place() + " " +
                                (got == 0 ? "gave no answer" : "did not finish its answer")};
    }

    Result<Answer> ask_plain(int connection) {
        std::string request = http_request(target_, address_);
        // It fits into the socket's buffer.
        auto sent = sys::write_some(connection, request);
        if (!sent || !*sent || **sent != request.size())
            return Answer{kFailed, place() + " closed the connection at once"};
        std::string bytes;
        bool whole = TRY(read_to_end(connection, bytes));
        // The status is enough of one that keeps the connection.
        if (!whole && bytes.find("\r\n\r\n") == std::string::npos) return late(bytes.size());
        return verdict(bytes);
    }

    // False: not in time. What is more than kMostAnswer is of no interest.
    Result<bool> read_to_end(int fd, std::string& bytes) {
        std::array<char, 4096> buffer;
        while (bytes.size() < kMostAnswer) {
            std::array<sys::PollEntry, 1> entry = {sys::PollEntry{.fd = fd, .want_read = true}};
            if (!TRY(sys::poll(entry, left_until(end_)))) return false;
            auto n = sys::read_some(fd, buffer);
            if (!n || (*n && **n == 0)) return true;  // a reset ends it, too
            if (*n) bytes.append(buffer.data(), **n);
        }
        return true;
    }

    // Its standard output is the worker's answer, its standard error why there is none.
    Result<Answer> ask_crank_net(sys::UniqueFd connection) {
        TRY(sys::set_blocking(connection.get()));
        sys::Pipe in = TRY(sys::make_pipe()), out = TRY(sys::make_pipe()),
                  err = TRY(sys::make_pipe());
        sys::SpawnRequest request{.path = TRY(crank_net_path()), .args = {"crank-net", "probe"}};
        request.fds = {{in.read.get(), 0},
                       {out.write.get(), 1},
                       {err.write.get(), 2},
                       {connection.get(), kConnection}};
        if (target_.kind == Kind::https)
            TRY(sys::write_all(in.write.get(), http_request(target_, address_), "crank-net"));
        sys::Child child = TRY(sys::spawn(request));
        for (sys::UniqueFd* end : {&in.read, &in.write, &out.write, &err.write}) end->reset();
        std::string answer, why;
        bool whole =
            TRY(read_to_end(out.read.get(), answer)) && TRY(read_to_end(err.read.get(), why));
        if (!whole) return late(answer.size());  // it is killed with `child`
        int code = TRY(child.wait()).shell_code();
        if (code != 0)
            return Answer{kFailed, "TLS with " + place() + ": " + std::string(trim(why))};
        if (target_.kind == Kind::tls)
            return Answer{0, "TLS with " + place() + ": " + std::string(trim(why))};
        return verdict(answer);
    }

    const Container& container_;
    const HealthCheck& check_;
    ProbeTarget target_;
    std::string address_;
    Clock::time_point end_;
};

}  // namespace

Result<ProbeResult> run_outside_probe(const Container& container, const HealthCheck& check) {
    ProbeResult result{.start_ns = sys::wall_clock_ns()};
    sys::ignore_broken_pipe();
    Answer answer =
        TRY(OutsideProbe(container, check, TRY(parse_probe_target(check.test.at(1)))).run());
    result.end_ns = sys::wall_clock_ns();
    result.exit_code = answer.code;
    result.output = cut_output(std::move(answer.text));
    return result;
}

Result<Accepts> accepts(const Container& container, std::uint16_t port) {
    constexpr milliseconds kPatience(500);
    const std::string& own = container.record.network.address;
    auto connects = [&](const std::string& address) {
        return sys::connect_tcp(address, port, kPatience).has_value();
    };
    Accepts found = Accepts::no;
    TRY(beside_worker(container, [&]() -> Result<> {
        if (connects(own.empty() ? "127.0.0.1" : own))
            found = Accepts::yes;
        else if (connects("127.0.0.1"))
            found = Accepts::from_itself_alone;
        return {};
    }));
    return found;
}

Result<HttpQuestion> HttpQuestion::ask(const Container& container, std::uint16_t port) {
    constexpr milliseconds kPatience(500);
    constexpr std::string_view kQuestion =
        "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: crank\r\nConnection: close\r\n\r\n";
    const std::string& own = container.record.network.address;
    HttpQuestion question;
    TRY(beside_worker(container, [&]() -> Result<> {
        auto connection = sys::connect_tcp(own.empty() ? "127.0.0.1" : own, port, kPatience);
        if (connection && sys::write_some(connection->get(), kQuestion))
            question.connection_ = std::move(*connection);
        return {};
    }));
    return question;
}

Result<HttpQuestion::Answer> HttpQuestion::look(milliseconds patience) {
    constexpr std::string_view kAnswer = "HTTP/";
    auto end = Clock::now() + patience;
    std::array<char, 256> buffer;
    while (bytes_.size() < kAnswer.size()) {
        if (!connection_) return Answer::closed;
        std::array entries = {sys::PollEntry{.fd = connection_.get(), .want_read = true}};
        if (!TRY(sys::poll(entries, left_until(end)))) return Answer::none_yet;
        auto n = sys::read_some(connection_.get(), buffer);
        if (!n || (*n && **n == 0)) return bytes_.empty() ? Answer::closed : Answer::other;
        if (*n) bytes_.append(buffer.data(), **n);
    }
    return bytes_.starts_with(kAnswer) ? Answer::http : Answer::other;
}

Result<bool> answers_http(const Container& container, std::uint16_t port) {
    constexpr milliseconds kPatience(500);
    HttpQuestion question = TRY(HttpQuestion::ask(container, port));
    return TRY(question.look(kPatience)) == HttpQuestion::Answer::http;
}

}  // namespace crank::engine::local
