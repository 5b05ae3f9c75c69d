#include "engine/local/served_ports.h"

#include "base/text.h"

namespace crank::engine::local {
namespace {

constexpr std::int64_t kMostPort = 65535;

// "8501/tcp", "8501", "8000-8010/tcp": as EXPOSE has left them in the image's configuration.
void add_exposed(const std::string& text, std::set<std::uint16_t>& ports) {
    std::vector<std::string> parts = split(text, '/');
    if (parts.size() > 2 || (parts.size() == 2 && to_lower(parts[1]) != "tcp")) return;
    std::vector<std::string> ends = split(parts[0], '-');
    if (ends.size() > 2) return;
    auto first = parse_int(ends.front()), last = parse_int(ends.back());
    if (!first || !last || *first < 1 || *last > kMostPort) return;
    for (std::int64_t port = *first; port <= *last; ++port)
        ports.insert(static_cast<std::uint16_t>(port));
}

}  // namespace

std::set<std::uint16_t> served_ports(const oci::ImageConfig& image, const RunOptions& options) {
    std::set<std::uint16_t> ports;
    for (const auto* published : {&options.ports, &options.gateway_ports})
        for (const network::PortSpec& port : *published)
            if (port.protocol == "tcp") ports.insert(port.container_port);
    for (const auto* exposed : {&image.config.exposed_ports, &options.settings.expose})
        for (const std::string& text : *exposed) add_exposed(text, ports);
    return ports;
}

}  // namespace crank::engine::local
