#include "engine/networks/hush.h"

#include <algorithm>

#include "base/text.h"
#include "engine/networks/endpoint.h"
#include "network/names.h"

namespace crank::engine::networks {
namespace {

std::vector<std::string> common_names(const Record& record, const EndpointRecord& endpoint) {
    std::vector<std::string> names = endpoint.aliases;
    names.push_back(record.hostname);
    std::erase_if(names, [&](const std::string& name) {
        return name.empty() || to_lower(name) == to_lower(record.name);
    });
    return names;
}

bool is_on(const EndpointRecord& endpoint) {
    return !endpoint.network_id.empty() && !endpoint.address.empty();
}

std::string state_of(const Paths& paths, const EndpointRecord& endpoint) {
    return paths.network_states() + "/" + endpoint.network_id;
}

}  // namespace

void hush(const Paths& paths, const Record& record) {
    std::vector<std::string> links;
    for (const EndpointRecord& endpoint : record.networks) {
        if (!is_on(endpoint)) continue;
        for (const std::string& name : common_names(record, endpoint))
            links.push_back(network::names_dir(state_of(paths, endpoint), name) + "/" +
                            endpoint.address);
    }
    network::remove_names(links, record.id);
}

Result<> speak(const Paths& paths, const Record& record) {
    for (const EndpointRecord& endpoint : record.networks) {
        if (!is_on(endpoint)) continue;
        network::Attachment attachment;
        attachment.address = endpoint.address;
        attachment.address6 = endpoint.address6;
        attachment.container_id = record.id;
        // The first is what its address leads back to.
        std::vector<std::string> names = {record.name};
        std::ranges::move(common_names(record, endpoint), std::back_inserter(names));
        // They are among those that its monitor takes off at its end.
        TRY(network::add_names(state_of(paths, endpoint), attachment, names));
    }
    return {};
}

}  // namespace crank::engine::networks
