#include "network/service_file.h"

#include <algorithm>

#include "base/text.h"
#include "network/lease.h"
#include "sys/file.h"
#include "sys/ipv4.h"

namespace crank::network {

namespace {
constexpr std::size_t kMostText = std::size_t{1} << 20;

std::optional<std::uint16_t> parse_port_number(const std::string& text) {
    auto number = parse_int(text);
    if (!number || *number < 1 || *number > UINT16_MAX) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}
}  // namespace

bool is_service(std::string_view id) { return id.starts_with(kServicePrefix); }

std::string services_dir(const std::string& state_dir) { return state_dir + "/services"; }

std::string serialize(const Service& service) {
    std::string text = "project " + service.project + "\nname " + service.name + "\n";
    for (const std::string& alias : service.names) text += "alias " + alias + "\n";
    text += "address " + service.address + "\n";
    for (const ServiceBackend& backend : service.backends)
        text += "backend " + backend.container + " " + backend.address + "\n";
    for (const auto& [port, listener] : service.relayed)
        text += "relayed " + std::to_string(port) + " " + std::to_string(listener) + "\n";
    return text;
}

std::optional<Service> parse_service(const std::string& id, const std::string& text) {
    Service service{.id = id, .project = {}, .name = {}, .names = {}};
    for (const std::string& line : split(text, '\n')) {
        std::vector<std::string> words = split(line, ' ');
        if (words.size() == 3 && words[0] == "backend" && sys::parse_ipv4(words[2]))
            service.backends.push_back({words[1], words[2]});
        if (words.size() == 3 && words[0] == "relayed") {
            auto port = parse_port_number(words[1]), listener = parse_port_number(words[2]);
            if (port && listener) service.relayed[*port] = *listener;
        }
        if (words.size() != 2) continue;
        if (words[0] == "project") service.project = words[1];
        if (words[0] == "name") service.name = words[1];
        if (words[0] == "alias") service.names.push_back(words[1]);
        if (words[0] == "address") service.address = words[1];
    }
    if (!is_service(id) || service.name.empty() || !sys::parse_ipv4(service.address))
        return std::nullopt;
    return service;
}

Result<std::optional<Service>> read_service(const std::string& state_dir, const std::string& id) {
    auto text = sys::read_file(services_dir(state_dir) + "/" + id, kMostText);
    if (!text && text.error().code() == Code::not_found) return std::optional<Service>();
    return parse_service(id, TRY(std::move(text)));
}

Result<std::vector<Service>> read_services(const std::string& state_dir) {
    std::vector<Service> services;
    auto ids = sys::list_dir(services_dir(state_dir));
    if (!ids && ids.error().code() == Code::not_found) return services;
    std::vector<std::string> sorted = TRY(std::move(ids));
    std::ranges::sort(sorted);
    for (const std::string& id : sorted) {
        if (!is_service(id) || id.contains('.')) continue;  // one that is being written
        if (auto service = TRY(read_service(state_dir, id)))
            services.push_back(std::move(*service));
    }
    return services;
}

void drop_ended(const std::string& state_dir, Service& service) {
    std::erase_if(service.backends, [&](const ServiceBackend& backend) {
        return !holds_lease(state_dir, backend.address, backend.container);
    });
}

Result<std::vector<Service>> list_services(const std::string& state_dir) {
    std::vector<Service> services = TRY(read_services(state_dir));
    for (Service& service : services) drop_ended(state_dir, service);
    return services;
}

Result<std::vector<Service>> services_in_force(const std::string& state_dir) {
    std::vector<Service> services = TRY(list_services(state_dir));
    std::erase_if(services, [&](const Service& service) {
        return !holds_lease(state_dir, service.address, service.id);
    });
    return services;
}

}  // namespace crank::network
