// The host as a GPU's driver shows itself, below a root that tests and driver containers choose.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/cdi.h"

namespace crank::engine::gpu {

class Host {
public:
    // `root` absolute; "/" or empty: the machine's own.
    Host(std::string root, std::string architecture);

    // Where a path of the driver's lies.
    std::string at(std::string_view path) const { return root_ + std::string(path); }
    bool has(std::string_view path) const;
    // Empty where it is not there or cannot be read.
    std::string read(std::string_view path) const;
    std::vector<std::string> list(std::string_view path) const;
    // Nothing: no device node. `path` as in the container.
    std::optional<oci::cdi::NodeFacts> node_facts(std::string_view path) const;

    const std::string& root() const { return root_; }
    const std::string& architecture() const { return architecture_; }

private:
    std::string root_;  // without a slash at its end
    std::string architecture_;
};

// The facts of a device node at a path of this machine; nothing: it is none, or not there.
std::optional<oci::cdi::NodeFacts> facts_of_node(const std::string& path);

// A node in the container with the host's owner and mode, whatever user runs there; the group is
// added to `gids` where others may not use it. Nothing: no such node.
std::optional<oci::cdi::DeviceNode> node_of(const Host& host, const std::string& path,
                                            std::vector<std::uint32_t>& gids);

}  // namespace crank::engine::gpu
