#include "build/container.h"

#include <array>
#include <optional>

#include "base/text.h"
#include "build/streams.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::build {

namespace {

using Network = BuildRequest::Network;
using namespace std::chrono_literals;

// What the monitor still holds of the output when the worker has ended comes within this time.
constexpr std::chrono::milliseconds kDrainPatience = 5s;
constexpr int kSigkill = 9;
constexpr std::size_t kMaxHostFile = 1 << 20;

Result<std::string> new_id() {
    std::array<std::uint8_t, 16> bytes;
    TRY(sys::fill_random(bytes));
    return "build-" + to_hex(bytes);
}

struct ResolvConf {
    std::string text;
    bool has_server = false;
};

// Without the servers that a network namespace of its own does not reach: those on loopback
// addresses of the host, and IPv6 ones.
ResolvConf reachable_servers(const std::string& path) {
    ResolvConf conf;
    for (const std::string& line : split(sys::read_file(path, kMaxHostFile).value_or(""), '\n')) {
        std::string_view rest = trim(line);
        if (rest.starts_with("nameserver")) {
            std::string_view server = trim(rest.substr(std::string_view("nameserver").size()));
            if (server.starts_with("127.") || server.contains(':')) continue;
            conf.has_server = true;
        }
        if (!rest.empty() && rest[0] != '#' && rest[0] != ';')
            conf.text += std::string(rest) + "\n";
    }
    return conf;
}

std::string resolv_conf(Network network, const std::string& resolver) {
    if (network == Network::none) return "";
    if (!resolver.empty()) return "nameserver " + resolver + "\n";
    if (network == Network::host)
        return sys::read_file("/etc/resolv.conf", kMaxHostFile).value_or("");
    ResolvConf conf = reachable_servers("/etc/resolv.conf");
    // systemd-resolved: its stub listens on loopback, the servers behind it stand here.
    if (!conf.has_server) conf = reachable_servers("/run/systemd/resolve/resolv.conf");
    return conf.text;
}

// Where a step has its network from.
struct Place {
    std::string address, gateway;  // empty: it has none of its own
    std::string resolver;          // empty: the host's
};

Result<std::string> hosts_text(const ContainerRequest& request, const std::string& hostname,
                               const Place& place) {
    std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
                       (place.address.empty() ? std::string("127.0.0.1") : place.address) + "\t" +
                       hostname + "\n";
    if (request.settings == nullptr) return text;
    std::string machine = request.network == Network::host ? "127.0.0.1" : place.gateway;
    for (const auto& host : request.settings->hosts) {
        bool gateway = host.address == kHostGateway;
        if (gateway && machine.empty())
            return fail(Error(Code::failed_precondition,
                              "--add-host " + host.name +
                                  ":host-gateway: no address leads to this machine from a step "
                                  "without a network")
                            .with_hint("--network bridge, or RUN --network=default"));
        text += (gateway ? machine : host.address) + "\t" + host.name + "\n";
    }
    return text;
}

Result<> write_network_files(const std::string& directory, const oci::RuntimeSpec& spec,
                             const ContainerRequest& request, const Place& place) {
    std::string hosts = TRY(hosts_text(request, spec.hostname, place));
    TRY(sys::write_file_atomic(directory + "/hosts", hosts, 0644, sys::Sync::no));
    TRY(sys::write_file_atomic(directory + "/hostname", spec.hostname + "\n", 0644, sys::Sync::no));
    return sys::write_file_atomic(directory + "/resolv.conf",
                                  resolv_conf(request.network, place.resolver), 0644,
                                  sys::Sync::no);
}

// Gives the address back when it goes, unless the monitor of the container has taken that over:
// a second release could take the address from whoever has it by then.
class Lease {
public:
    explicit Lease(network::Attachment attachment) : attachment_(std::move(attachment)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        if (mine_) (void)network::release(attachment_);
    }
    void hand_over() { mine_ = false; }
    const network::Attachment& operator*() const { return attachment_; }
    const network::Attachment* operator->() const { return &attachment_; }

private:
    network::Attachment attachment_;
    bool mine_ = true;
};

// Until the worker ended, or the user wants it to.
Result<runtime::ExitStatus> attend(runtime::Running& running, Streams& streams, int cancel_fd,
                                   const OutputSink& output) {
    while (true) {
        std::array entries{reading(streams.out.get()), reading(streams.error.get()),
                           reading(running.control_fd()), reading(cancel_fd)};
        TRY(sys::poll(entries, std::nullopt));
        if (entries[3].readable || entries[3].hung_up) {
            // The workspace may only go once nothing runs in it any more.
            (void)running.send_signal(kSigkill);
            (void)running.wait_exit();
            return fail(Code::cancelled, "the build was cancelled");
        }
        TRY(streams.read(entries[0], entries[1], output));
        if (entries[2].readable || entries[2].hung_up) break;
    }
    runtime::ExitStatus status = TRY(running.wait_exit());
    TRY(streams.drain(kDrainPatience, output));
    return status;
}

}  // namespace

Result<runtime::ExitStatus> run_container(const Workspace& workspace,
                                          const ContainerRequest& request,
                                          const ContainerHost& host, const OutputSink& output) {
    std::string id = TRY(new_id());
    runtime::LaunchRequest launch;
    launch.id = id;
    launch.spec = container_spec(request, id, workspace.scratch(), host.facts->group_parent);
    launch.rootfs = TRY(workspace.rootfs());
    // When this process is killed, its container still starts, or ends: until then the directory
    // stays.
    launch.held = TRY(workspace.hold());
    launch.made_mounts = request.made_mounts;
    launch.options.init = false;
    launch.options.end_with_caller = true;
    launch.options.state_dir = workspace.scratch();
    launch.options.mount_point = workspace.mount_point();

    std::optional<Lease> lease;
    std::string resolver;
    if (request.network == Network::bridge) {
        if (host.open_way_out != nullptr && *host.open_way_out)
            resolver = TRY((*host.open_way_out)());
        // The namespace first: the mounts of the child need nothing of the network.
        launch.network_namespace = TRY(network::create_namespace());
        lease.emplace(TRY(network::lease(*host.bridge, id)));
        launch.options.after_exit.push_back(
            {runtime::AfterExit::Kind::unlink, (*lease)->lease_path});
        TRY(network::connect(*host.bridge, **lease, launch.network_namespace.get()));
    }
    Place place{lease ? (*lease)->address : "", lease ? (*lease)->gateway : "", resolver};
    TRY(write_network_files(workspace.scratch(), launch.spec, request, place));

    sys::Pipe out = TRY(make_stream()), error = TRY(make_stream());
    launch.io.forward_stdout = out.write.get();
    launch.io.forward_stderr = error.write.get();
    runtime::Running running = TRY(runtime::launch(std::move(launch), *host.facts));
    if (lease) lease->hand_over();
    // Only the monitor's copies count now: their end is the end of the output.
    out.write.reset();
    error.write.reset();
    TRY(running.wait_started());
    Streams streams{std::move(out.read), std::move(error.read)};
    return attend(running, streams, host.cancel_fd, output);
}

}  // namespace crank::build
