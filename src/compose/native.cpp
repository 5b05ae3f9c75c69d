#include "compose/native.h"

#include <algorithm>

#include "base/text.h"
#include "compose/native_files.h"
#include "compose/service_reader.h"

namespace crank::compose {
namespace {

constexpr std::string_view kSystems[] = {"linux", "macos"};
constexpr std::string_view kGpus[] = {"nvidia", "amd", "intel", "apple"};
constexpr std::string_view kAlways = "always", kNoEngine = "no-engine", kGpu = "gpu";

template <std::size_t N>
bool is_one_of(const std::string_view (&all)[N], std::string_view text) {
    return std::ranges::find(all, text) != std::end(all);
}

bool is_condition(std::string_view text) {
    return is_one_of(kSystems, text) || is_one_of(kGpus, text) || text == kAlways ||
           text == kNoEngine || text == kGpu;
}

bool holds(const std::string& condition, const Surroundings& here) {
    if (condition == kAlways) return true;
    if (condition == kNoEngine) return !here.containers;
    if (condition == kGpu) return !here.gpus.empty();
    return condition == here.system || here.gpus.contains(condition);
}

bool is_variable(std::string_view name) {
    auto good = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !name.empty() && (name[0] < '0' || name[0] > '9') && std::ranges::all_of(name, good);
}

std::string described(const Surroundings& here) {
    std::vector<std::string> gpus(here.gpus.begin(), here.gpus.end());
    return here.system + (gpus.empty() ? ", no GPU" : ", GPU " + join(gpus, ", ")) +
           (here.containers ? "" : ", no containers");
}

// --- what a process has not -----------------------------------------------------------------

struct Unfit {
    std::string_view field, why;
};
// It runs all the same, with less around it than a container has: that is what native means.
constexpr std::string_view kRights = "it has the rights of the one who starts it",
                           kHost = "it has the host's", kDevices = "it sees the host's devices",
                           kFiles = "it sees the host's files", kNames = "it resolves as the host",
                           kNoContainer = "there is no container";
constexpr Unfit kWarned[] = {
    {"annotations", kNoContainer},
    {"cap_add", kRights},
    {"cap_drop", kRights},
    {"device_cgroup_rules", kDevices},
    {"devices", kDevices},
    {"dns", kNames},
    {"dns_opt", kNames},
    {"dns_search", kNames},
    {"domainname", kHost},
    {"extra_hosts", kNames},
    {"gpus", kDevices},
    {"group_add", kRights},
    {"hostname", kHost},
    {"init", kNoContainer},
    {"privileged", kRights},
    {"read_only", kFiles},
    {"runtime", kNoContainer},
    {"security_opt", kRights},
    {"shm_size", kHost},
    {"sysctls", kHost},
    {"tmpfs", kFiles},
    {"user", kRights},
    {"userns_mode", kRights},
};
constexpr Unfit kRefused[] = {
    {"post_start", "nothing is executed in a native worker: let its command do it"},
    {"pre_start", "its steps are containers: let x-crank.native.setup or its command do it"},
    {"pre_stop", "nothing is executed in a native worker: let it do that when it is told to end"},
    {"volumes_from", "a native worker has no volumes"},
};

bool is_set(const Node& node) {
    if (node.is_null()) return false;
    if (node.is_list()) return !node.items.empty();
    if (node.is_map()) return !node.fields.empty();
    return !(node.is(Kind::boolean) && !node.flag);
}

class Check {
public:
    Check(const Node& service, const std::string& path, const NativeOptions& options,
          Diagnostics& diagnostics)
        : service_(service), path_(path), options_(options), diagnostics_(diagnostics) {}

    Result<void> all() {
        TRY(command());
        for (const Field& field : service_.fields) {
            if (!is_set(field.value)) continue;
            for (const Unfit& unfit : kWarned)
                if (unfit.field == field.key) warn(field.at, field.key, unfit.why);
            for (const Unfit& unfit : kRefused)
                if (unfit.field == field.key) return refuse(field.at, field.key, unfit.why);
            if (field.key == "tty")
                return refuse(field.at, field.key, "a native worker gets no terminal");
            if (field.key == "network_mode" || field.key == "pid" || field.key == "ipc" ||
                field.key == "uts")
                TRY(space(field));
            if (field.key == "networks") networks(field.value);
            if (field.key == "volumes") TRY(mounts(field.value));
            if (field.key == "working_dir") working_dir(field);
            if (field.key == "ports") TRY(ports(field.value));
        }
        const Node* devices = at_path(service_, "deploy.resources.reservations.devices");
        if (devices != nullptr && is_set(*devices))
            warn(devices->at, "deploy.resources.reservations.devices", kDevices);
        return {};
    }

private:
    void warn(Position at, std::string_view field, std::string_view why) {
        diagnostics_.warn(at, path_ + "." + std::string(field),
                          "a native worker goes without (x-crank.native): " + std::string(why));
    }
    std::unexpected<Error> refuse(Position at, std::string_view field, std::string_view why,
                                  std::string hint = "take it out, or x-crank.native") const {
        return diagnostics_.error(at, path_ + "." + std::string(field), why, std::move(hint));
    }

    Result<void> command() const {
        auto words = [&](std::string_view field) { return !items_of(service_, field).empty(); };
        if (options_.command || words("command") || words("entrypoint")) return {};
        return diagnostics_.error(options_.at, path_ + ".x-crank.native",
                                  "no image says what a native worker runs: it has no command",
                                  "x-crank: {native: {command: [PROGRAM, ARGUMENT]}}");
    }

    // A namespace of others, or none at all, where it has this machine's.
    Result<void> space(const Field& field) {
        const std::string& text = field.value.text;
        if (text == "host") return {};
        if (field.key == "network_mode" && (text == "bridge" || text == "default"))
            warn(field.at, field.key, kHost);
        else
            return refuse(field.at, field.key,
                          "a native worker has the host's, not '" + text + "'");
        return {};
    }
    void networks(const Node& networks) {
        for (const Field& network : networks.fields)
            if (network.key != "default" || is_set(network.value))
                warn(network.at, "networks." + network.key,
                     "it has the host's network, and reaches containers by the ports that they "
                     "publish");
    }
    Result<void> mounts(const Node& mounts) {
        for (const Node& mount : mounts.items) {
            std::string type = mount.text_of("type"), source = mount.text_of("source"),
                        target = mount.text_of("target");
            if (type == "volume" && !source.empty())
                return refuse(
                    mount.at, "volumes",
                    "a native worker has no volumes: it would not find " + source + " at " + target,
                    "a directory of the host: ./" + source + ":" + target);
            if (type == "bind" && source != target)
                warn(mount.at, "volumes",
                     "what a container has at " + target + " it finds at " + source);
            else if (type != "bind")
                warn(mount.at, "volumes", "nothing is mounted at " + target);
        }
        return {};
    }
    // Of the image; one of the release's own directories is relative.
    void working_dir(const Field& field) {
        bool whole = field.value.text.starts_with('/');
        bool copied = !options_.directory.empty() || service_.find("build") != nullptr;
        if (whole && copied) warn(field.at, field.key, "it runs in the directory of its release");
    }
    Result<void> ports(const Node& ports) {
        if (service_.text_of("network_mode") == "host") return {};
        for (const Node& port : ports.items) {
            std::string published = port.text_of("published"), protocol = port.text_of("protocol");
            bool tcp = protocol.empty() || protocol == "tcp";
            if (!tcp || !parse_int(published) || port.text_of("mode") == "host")
                return refuse(port.at, "ports",
                              "of a native worker crank publishes TCP ports with one number each, "
                              "by the project's gateway",
                              "PUBLISHED:TARGET");
            auto target = number_of(port, "target").value_or(0);
            if (options_.own_ports && parse_int(published) == target)
                return refuse(port.at, "ports",
                              "the gateway holds port " + published +
                                  ", and a native worker with own_ports listens on it itself",
                              "another published number, or a worker that listens on $" +
                                  options_.port_variable);
        }
        return {};
    }

    const Node& service_;
    const std::string& path_;
    const NativeOptions& options_;
    Diagnostics& diagnostics_;
};

}  // namespace

Result<std::optional<NativeOptions>> native_options(const Node& worker, const std::string& path,
                                                    const Diagnostics& diagnostics) {
    const Node* node = worker.find("native");
    if (node == nullptr || node->is_null()) return std::nullopt;
    if (node->is(Kind::boolean) && !node->flag) return std::nullopt;
    NativeOptions options{.at = node->at};
    if (const Node* words = node->find("command"); words != nullptr && words->is_list())
        options.command = texts_of(*node, "command");
    options.setup = texts_of(*node, "setup");
    options.directory = node->text_of("directory");
    options.own_ports = flag_of(*node, "own_ports");
    for (const Field& entry : entries_of(*node, "environment"))
        options.environment.emplace_back(entry.key, entry.value.is_null()
                                                        ? std::nullopt
                                                        : std::optional(scalar_text(entry.value)));
    if (const Node* variable = node->find("port_variable"); variable != nullptr) {
        options.port_variable = variable->text;
        if (!is_variable(variable->text))
            return diagnostics.error(variable->at, path + ".native.port_variable",
                                     "'" + variable->text + "' is no variable's name");
    }
    for (const Node& item : items_of(*node, "when")) {
        if (!is_condition(item.text))
            return diagnostics.error(item.at, path + ".native.when",
                                     "'" + item.text +
                                         "' is nothing that a machine is: always, linux, macos, "
                                         "gpu, nvidia, amd, intel, apple or no-engine");
        options.when.push_back(item.text);
    }
    return options;
}

Placement place(const std::optional<NativeOptions>& options, const Surroundings& here) {
    if (!options) return {};
    if (options->when.empty()) return {true, "x-crank.native"};
    for (const std::string& condition : options->when)
        if (holds(condition, here)) return {true, "x-crank.native.when: " + condition};
    return {false,
            "x-crank.native.when: " + join(options->when, ", ") + "; here: " + described(here)};
}

bool is_for_gpu(const NativeOptions& options) {
    return std::ranges::any_of(options.when, [](const std::string& condition) {
        return condition == kGpu || is_one_of(kGpus, condition);
    });
}

Result<void> check_native(const Node& service, const std::string& path,
                          const NativeOptions& options, Diagnostics& diagnostics) {
    TRY(Check(service, path, options, diagnostics).all());
    return check_native_files(service, path, options, diagnostics);
}

}  // namespace crank::compose
