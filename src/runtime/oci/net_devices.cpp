#include "runtime/oci/net_devices.h"

#include <algorithm>
#include <set>
#include <string>

#include "sys/file.h"
#include "sys/net_device.h"
#include "sys/netns.h"
#include "sys/open_flags.h"

namespace crank::runtime::oci_verbs {
namespace {

const std::string& name_inside(const std::string& host_name, const oci::NetDevice& device) {
    return device.name.empty() ? host_name : device.name;
}

std::string field_of(const std::string& host_name) { return "linux.netDevices." + host_name; }

Result<> check_name(const std::string& host_name, const oci::NetDevice& device) {
    if (!sys::is_device_name(host_name))
        return fail(Code::invalid_argument,
                    "linux.netDevices: '" + host_name + "' is no name of a network device");
    const std::string& inside = name_inside(host_name, device);
    // "%d" at the end is a template; the kernel takes no other '%'.
    std::string plain = inside.ends_with("%d") ? inside.substr(0, inside.size() - 2) : inside;
    if (!sys::is_device_name(inside) || plain.contains('%'))
        return fail(Error(Code::invalid_argument, field_of(host_name) + ".name: '" + inside +
                                                      "' is no name of a network device")
                        .with_hint("up to 15 bytes without '/', ':' and blanks; %d at the end "
                                   "takes the first free number"));
    return {};
}

}  // namespace

Result<> check_net_devices(const oci::Linux& part) {
    if (part.net_devices.empty()) return {};
    bool own = std::ranges::any_of(
        part.namespaces, [](const oci::Namespace& space) { return space.type == "network"; });
    if (!own)
        return fail(Error(Code::invalid_argument,
                          "linux.netDevices: the container has no network namespace that the "
                          "devices could be moved into")
                        .with_hint("add {\"type\": \"network\"} to linux.namespaces"));
    std::set<std::string> names;
    for (const auto& [host_name, device] : part.net_devices) {
        TRY(check_name(host_name, device));
        const std::string& inside = name_inside(host_name, device);
        if (!inside.ends_with("%d") && !names.insert(inside).second)
            return fail(Code::invalid_argument,
                        "linux.netDevices: two devices are to be named " + inside);
    }
    return {};
}

Result<> move_net_devices(const oci::Linux& part, pid_t pid) {
    if (part.net_devices.empty()) return {};
    std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
    sys::UniqueFd target = TRY(sys::open(path, sys::kReadOnly));
    sys::UniqueFd own = TRY(sys::current_network_namespace());
    auto mine = TRY(sys::stat_fd(own.get(), "the own network namespace"));
    auto theirs = TRY(sys::stat_fd(target.get(), path));
    // A path of linux.namespaces may lead to it.
    if (mine.inode == theirs.inode && mine.device == theirs.device)
        return fail(Code::invalid_argument,
                    "linux.netDevices: the container's network namespace is the host's");
    for (const auto& [host_name, device] : part.net_devices)
        TRY_IN(sys::move_net_device(target.get(), host_name, name_inside(host_name, device)),
               field_of(host_name));
    return {};
}

}  // namespace crank::runtime::oci_verbs
