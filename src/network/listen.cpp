#include "network/network.h"
#include "network/port_owner.h"
#include "sys/tcp.h"
#include "sys/udp.h"

namespace crank::network {

namespace {

constexpr int kPortAttempts = 64;  // to find a port that is free on both addresses

// The addresses that one published port listens on. The second one may be missing on this host.
struct Addresses {
    std::string first, second;
};

Addresses choose_addresses(const PortSpec& port, std::string_view default_host_ip) {
    std::string ip = port.host_ip;
    // Only a published port without an address follows the default, and "this machine" as a
    // default means both of its loopback addresses; "127.0.0.1:8501:8501" means that one alone.
    if (ip.empty()) {
        ip = default_host_ip;
        if (ip.empty() || ip == "127.0.0.1" || ip == "localhost") return {"127.0.0.1", "::1"};
    }
    if (ip == "0.0.0.0") return {"0.0.0.0", "::"};
    return {ip, ""};
}

std::string bracketed(const std::string& ip) {
    return ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
}

Error explain_taken(Error error, const std::string& ip, std::uint16_t port,
                    const std::string& protocol) {
    if (error.code() != Code::already_exists) return error;
    std::string message = (protocol == "udp" ? "udp port " : "port ") + std::to_string(port) +
                          " on " + bracketed(ip) + " is in use";
    auto owner = find_port_owner(ip, port, protocol);
    if (owner) message += " by " + owner->name + " (pid " + std::to_string(owner->pid) + ")";
    return Error(Code::already_exists, std::move(message))
        .with_hint("stop what uses it or publish another port, for example -p " +
                   std::to_string(port == 65535 ? port - 1 : port + 1) +
                   ":...; crank ps shows the ports of containers");
}

Result<Listener> listen_one(const std::string& ip, std::uint16_t host_port, const PortSpec& port) {
    auto fd = port.protocol == "udp" ? sys::bind_udp(ip, host_port)
                                     : sys::listen_tcp(ip, host_port, sys::kLongBacklog);
    if (!fd) return fail(explain_taken(std::move(fd).error(), ip, host_port, port.protocol));
    Listener listener;
    listener.host_port = host_port != 0 ? host_port : TRY(sys::local_port(fd->get()));
    listener.fd = std::move(*fd);
    listener.host_ip = ip;
    listener.container_port = port.container_port;
    return listener;
}

bool host_lacks_address(const Error& error) {
    return error.code() == Code::unsupported || error.code() == Code::failed_precondition;
}

// The same port on both addresses.
Result<std::vector<Listener>> listen_pair(const Addresses& addresses, const PortSpec& port) {
    std::vector<Listener> listeners;
    listeners.push_back(TRY(listen_one(addresses.first, port.host_port, port)));
    if (addresses.second.empty()) return listeners;
    auto second = listen_one(addresses.second, listeners.front().host_port, port);
    if (second) {
        listeners.push_back(std::move(*second));
    } else if (!host_lacks_address(second.error())) {
        return fail(std::move(second).error());
    }
    return listeners;
}

}  // namespace

std::vector<std::string> published_addresses(const PortSpec& port,
                                             std::string_view default_host_ip) {
    Addresses addresses = choose_addresses(port, default_host_ip);
    if (addresses.second.empty()) return {addresses.first};
    return {addresses.first, addresses.second};
}

Result<std::vector<Listener>> listen_on(const PortSpec& port, std::string_view default_host_ip) {
    Addresses addresses = choose_addresses(port, default_host_ip);
    for (int attempt = 1;; ++attempt) {
        auto listeners = listen_pair(addresses, port);
        // A free port that the kernel chose for the first address may be taken on the second.
        bool again = !listeners && port.host_port == 0 && attempt < kPortAttempts &&
                     listeners.error().code() == Code::already_exists;
        if (!again) return listeners;
    }
}

}  // namespace crank::network
