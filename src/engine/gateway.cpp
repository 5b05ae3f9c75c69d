#include "engine/gateway.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>

#include "base/text.h"
#include "engine/local/prepare.h"
#include "engine/project_labels.h"
#include "runtime/cgroup.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/open_flags.h"
#include "sys/socket.h"
#include "sys/unix_socket.h"

namespace crank::engine {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kMostAnswer = 512 * 1024;
// Beyond what a call is asked to wait itself.
constexpr milliseconds kPatience(10000);
constexpr int kControl = 3;  // crank-gateway's
constexpr std::int64_t kMostLog = std::int64_t{1} << 20;

std::string socket_in(const std::string& dir) { return dir + "/control"; }

// One packet each way. Nothing: the other end has gone.
Result<std::optional<std::string>> exchange(int socket, const std::string& question,
                                            milliseconds patience, int descriptor) {
    auto bytes = std::as_bytes(std::span(question));
    Result<> sent = sys::send_packet(socket, bytes, descriptor);
    if (!sent && sent.error().code() == Code::not_found) return std::optional<std::string>();
    TRY(std::move(sent));
    std::string answer(kMostAnswer, '\0');
    auto received =
        TRY(sys::receive_packet(socket, std::as_writable_bytes(std::span(answer)), patience));
    if (!received) return fail(Code::deadline_exceeded, "the project's gateway does not answer");
    if (received->size == 0) return std::optional<std::string>();
    answer.resize(received->size);
    return std::optional(std::move(answer));
}

Result<Json> parsed(const std::string& answer) {
    Json json = Json::parse(answer, nullptr, false);
    if (!json.is_object()) return fail(Code::internal, "the project's gateway is confused");
    if (!json.value("ok", false))
        return fail(Code::failed_precondition,
                    "gateway: " + json.value("error", std::string("no reason is given")));
    return json;
}

Json to_json(const GatewayBackend& backend) {
    Json json = {{"id", backend.id}, {"address", backend.address}, {"port", backend.port}};
    if (backend.weight != 1) json["weight"] = backend.weight;
    return json;
}

GatewayBackend backend_from(const Json& json) {
    auto count = [&](const char* name) { return json.value(name, std::uint64_t{0}); };
    return {.id = json.at("id"),
            .address = json.at("address"),
            .port = json.at("port"),
            .weight = json.value("weight", std::int64_t{1}),
            .requests = count("requests"),
            .failed = count("errors") + count("failures")};
}

// Nothing: it is gone.
std::optional<sys::UniqueFd> process_of(const std::string& dir) {
    auto text = sys::read_file(dir + "/pid", 64);
    if (!text) return std::nullopt;
    auto pid = parse_int(text->substr(0, text->find(' ')));
    auto start = parse_int(text->substr(text->find(' ') + 1));
    if (!pid || !start) return std::nullopt;
    auto life = sys::open_pidfd(static_cast<pid_t>(*pid));
    // The number alone could be another's by now.
    bool same =
        life && runtime::is_alive(static_cast<pid_t>(*pid), static_cast<std::uint64_t>(*start));
    if (!same) return std::nullopt;
    return std::move(*life);
}

Result<sys::UniqueFd> open_log(const std::string& dir) {
    std::string path = dir + "/log";
    auto info = sys::stat(path);
    if (info && static_cast<std::int64_t>(info->size) > kMostLog)
        TRY(sys::rename(path, path + ".1"));
    return sys::open(path, sys::kWriteOnly | sys::kCreate | sys::kAppend, 0600);
}

// Its own session: neither a terminal nor the end of this command ends it.
Result<> spawn_gateway(const std::string& dir, const std::string& project, int control) {
    sys::UniqueFd null = TRY(sys::open("/dev/null", sys::kReadWrite));
    sys::UniqueFd log = TRY(open_log(dir));
    sys::SpawnRequest request{.path = TRY(crank_gateway_path()),
                              .args = {"crank-gateway", "--name", project},
                              .env = {},
                              .working_dir = "/",
                              .new_session = true};
    request.fds = {{null.get(), 0}, {log.get(), 1}, {log.get(), 2}, {control, kControl}};
    sys::Child child = TRY(sys::spawn(request));
    // Out of the caller's group: what ends that, a unit or a login, is not to end it.
    TRY(runtime::put_among_monitors(child.pid(), TRY(local::host_for_containers())));
    std::string who =
        std::to_string(child.pid()) + " " + std::to_string(TRY(sys::start_time_of(child.pid())));
    TRY(sys::write_file_atomic(dir + "/pid", who, 0600, sys::Sync::no));
    child.release();
    return {};
}

}  // namespace

Result<std::optional<Gateway>> Gateway::find(const Paths& paths, const std::string& project) {
    auto socket = sys::connect_unix(socket_in(paths.gateway(project)), sys::UnixKind::packets);
    if (socket) return std::optional(Gateway(std::move(*socket), paths.gateway(project)));
    Code code = socket.error().code();
    if (code == Code::not_found || code == Code::failed_precondition)
        return std::optional<Gateway>();
    return fail(std::move(socket).error());
}

// Nobody has its control socket any more: not for long where its first process was killed, which is
// the end of the second.
Result<bool> Gateway::is_gone(const Paths& paths, const std::string& project) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (TRY(find(paths, project))) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
}

Result<Gateway> Gateway::start(const Paths& paths, const std::string& project, int home) {
    if (auto running = TRY(find(paths, project))) {
        Result<GatewayView> view = running->view();
        if (view) return std::move(*running);
        // One that hangs keeps nobody from its ports, and one that was killed is about to go.
        if (view.error().code() == Code::deadline_exceeded) TRY(running->kill());
        if (!TRY(is_gone(paths, project))) return fail(std::move(view.error()));
    }
    std::string dir = paths.gateway(project), path = socket_in(dir);
    TRY(sys::make_dirs(dir, 0700));
    // Of one that was killed.
    if (sys::exists(path)) TRY(sys::remove_file(path));
    sys::UniqueFd control = TRY(sys::listen_unix(path, sys::UnixKind::packets));
    auto spawn = [&] { return spawn_gateway(dir, project, control.get()); };
    TRY_IN(home < 0 ? spawn() : sys::run_in_network_namespace(home, spawn),
           "the gateway of project " + project);
    control.reset();
    auto started = TRY(find(paths, project));
    if (started) {
        // One that could not begin has closed its end.
        TRY_IN(started->view(), "the gateway of project " + project + " (" + dir + "/log)");
        return std::move(*started);
    }
    return fail(
        Error(Code::failed_precondition, "the gateway of project " + project + " did not start")
            .with_hint("cat " + dir + "/log"));
}

Result<std::string> Gateway::ask(const std::string& question, milliseconds patience,
                                 int descriptor) {
    auto answer = TRY(exchange(socket_.get(), question, patience, descriptor));
    if (!answer) {
        // What serves may be killed: another takes its place, and has the same control socket.
        auto again = sys::connect_unix(socket_in(dir_), sys::UnixKind::packets);
        if (again) {
            socket_ = std::move(*again);
            answer = TRY(exchange(socket_.get(), question, patience, descriptor));
        }
    }
    if (answer) return *std::move(answer);
    return fail(Error(Code::failed_precondition, "the project's gateway has ended")
                    .with_hint("crank up -d starts it again"));
}

Result<> Gateway::listen(const GatewayListener& listener, const std::string& protocol, int socket) {
    TRY(parsed(TRY(ask(Json::object({{"op", "listen"},
                                     {"id", listener.id},
                                     {"target", listener.target},
                                     {"protocol", protocol}})
                           .dump(),
                       kPatience, socket))));
    return {};
}

Result<> Gateway::unlisten(const std::string& id) {
    TRY(parsed(TRY(ask(Json::object({{"op", "unlisten"}, {"id", id}}).dump(), kPatience, -1))));
    return {};
}

Result<> Gateway::route(const std::string& target, const std::vector<GatewayBackend>& backends,
                        milliseconds hold) {
    Json list = Json::array();
    for (const GatewayBackend& backend : backends) list.push_back(to_json(backend));
    TRY(parsed(TRY(ask(
        Json::object(
            {{"op", "route"}, {"target", target}, {"backends", list}, {"hold_ms", hold.count()}})
            .dump(),
        kPatience, -1))));
    return {};
}

Result<> Gateway::watch(const std::string& container, const std::string& address, int pidfd) {
    TRY(parsed(TRY(
        ask(Json::object({{"op", "watch"}, {"backend", container}, {"address", address}}).dump(),
            kPatience, pidfd))));
    return {};
}

Result<> Gateway::judge(const std::string& container, bool well) {
    TRY(parsed(
        TRY(ask(Json::object({{"op", "judge"}, {"backend", container}, {"well", well}}).dump(),
                kPatience, -1))));
    return {};
}

Result<std::int64_t> Gateway::drain(const std::string& container, milliseconds grace) {
    Json answer = TRY(parsed(TRY(ask(
        Json::object({{"op", "drain"}, {"backend", container}, {"grace_ms", grace.count()}}).dump(),
        grace + kPatience, -1))));
    return answer.value("cut", std::int64_t{0});
}

Result<GatewayView> Gateway::view() {
    Json answer = TRY(parsed(TRY(ask(Json::object({{"op", "state"}}).dump(), kPatience, -1))));
    GatewayView view;
    try {
        for (const Json& one : answer.at("listeners"))
            view.listeners.push_back({one.at("id"), one.at("target")});
        for (const Json& one : answer.at("targets")) {
            GatewayTarget target{.name = one.at("target"), .backends = {}};
            for (const Json& backend : one.at("backends"))
                target.backends.push_back(backend_from(backend));
            view.targets.push_back(std::move(target));
        }
    } catch (const Json::exception&) {
        return fail(Code::internal, "the project's gateway is confused about its state");
    }
    return view;
}

Result<> Gateway::stop(milliseconds grace) {
    std::optional<sys::UniqueFd> life = process_of(dir_);
    TRY(parsed(TRY(ask(Json::object({{"op", "stop"}, {"grace_ms", grace.count()}}).dump(),
                       grace + kPatience, -1))));
    // Who comes next finds none, and not one that is about to go.
    if (life) TRY(sys::wait_readable(life->get(), kPatience));
    return {};
}

Result<> Gateway::kill() {
    std::optional<sys::UniqueFd> life = process_of(dir_);
    if (!life) return {};
    TRY(sys::pidfd_signal(life->get(), SIGKILL));
    TRY(sys::wait_readable(life->get(), kPatience));
    return {};
}

namespace {

// Nothing: it has none.
Result<std::optional<Gateway>> gateway_of(const Paths& paths, const Record& record) {
    if (record.gateway_ports.empty() && record.served_ports.empty()) return std::nullopt;
    auto project = record.labels.find(std::string(kProjectLabel));
    if (project == record.labels.end()) return std::nullopt;
    return Gateway::find(paths, project->second);
}

}  // namespace

Result<> tell_gateway(const Paths& paths, const Record& record, pid_t pid) {
    auto gateway = TRY(gateway_of(paths, record));
    if (!gateway) return {};
    sys::UniqueFd life = TRY(sys::open_pidfd(pid));
    return gateway->watch(record.id, own_address(record), life.get());
}

Result<> tell_gateway_of_health(const Paths& paths, const Record& record, bool well) {
    auto gateway = TRY(gateway_of(paths, record));
    return gateway ? gateway->judge(record.id, well) : Result<>();
}

}  // namespace crank::engine
