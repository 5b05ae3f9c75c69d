#include "compose/service.h"

#include <algorithm>
#include <set>

#include "base/units.h"
#include "compose/schema.h"
#include "compose/service_reader.h"
#include "compose/write.h"
#include "oci/digest.h"

namespace crank::compose {
namespace {

class Reading {
public:
    Reading(const Project& project, Diagnostics& diagnostics, const Surroundings& here)
        : project_(project), diagnostics_(diagnostics), here_(here) {}

    Result<TypedProject> all() {
        warn_unused(project_.model, project_schema(), "");
        TypedProject typed{.name = project_.name, .directory = project_.directory};
        for (const Field& field : entries_of(project_.model, "services")) {
            Service service = TRY(this->service(field));
            typed.services.push_back(std::move(service));
        }
        sort(typed.services);
        for (const Field& field : entries_of(project_.model, "networks"))
            typed.networks.push_back(network(field));
        for (const Field& field : entries_of(project_.model, "volumes"))
            typed.volumes.push_back(TRY(volume(field)));
        typed.secrets = TRY(sources("secrets"));
        typed.configs = TRY(sources("configs"));
        for (const Field& field : project_.disabled.fields)
            typed.other_services.push_back(field.key);
        return typed;
    }

private:
    // As `crank config` prints them without a word: whoever starts the project is told.
    void warn_unused(const Node& node, const ObjectSpec& spec, const std::string& path) {
        for (const Field& entry : node.fields) {
            bool worker = entry.key == "x-crank" && &spec == &service_schema();
            const FieldSpec* field = find_field(spec, entry.key);
            std::string inner = path.empty() ? entry.key : path + "." + entry.key;
            if (worker) warn_unused(entry.value, worker_schema(), inner);
            if (field == nullptr || entry.value.is_null()) continue;
            if (field->support == Support::read)
                diagnostics_.warn(entry.at, inner, "crank up does nothing with this field yet");
            if (field->support == Support::full) warn_inside(entry.value, *field, inner);
        }
    }
    void warn_inside(const Node& value, const FieldSpec& field, const std::string& path) {
        if (field.of == nullptr) return;
        if (field.shape == Shape::object) warn_unused(value, *field.of, path);
        for (std::size_t i = 0; i < value.items.size(); i++)
            warn_unused(value.items[i], *field.of, path + "[" + std::to_string(i) + "]");
        if (field.shape == Shape::named)
            for (const Field& entry : value.fields)
                warn_unused(entry.value, *field.of, path + "." + entry.key);
    }

    Result<Service> service(const Field& field) {
        const Node& node = field.value;
        std::string path = "services." + field.key;
        if (const Node* provider = node.find("provider"); provider != nullptr && provider->is_map())
            return diagnostics_.error(provider->at, path + ".provider", "crank starts no providers",
                                      "without this service: crank up SERVICE...");
        Service service{.name = field.key, .at = field.at};
        service.worker = TRY(worker_options(node, path, diagnostics_));
        service.placement = place(service.worker.native, here_);
        if (const NativeOptions* native = service.native())
            TRY(check_native(node, path, *native, diagnostics_));
        else if (node.text_of("image").empty() && node.find("build") == nullptr)
            return diagnostics_.error(field.at, path,
                                      "has neither an image nor a build context, and does not run "
                                      "natively here");
        service.mounts = TRY(read_mounts(node, path, diagnostics_));
        TRY(check_run_settings(node, path, diagnostics_));
        read_image(node, service);
        read_process(node, service);
        read_connections(node, service);
        read_rights(node, service);
        read_rollout(node, service);
        TRY(read_changes(node, path, diagnostics_, service));
        const std::vector<Node>& steps = items_of(node, "pre_start");
        for (std::size_t i = 0; i < steps.size() && service.native() == nullptr; i++) {
            std::string place = path + ".pre_start[" + std::to_string(i) + "]";
            service.pre_start.push_back({.container = TRY(step(steps[i], place, service)),
                                         .per_replica = flag_of(steps[i], "per_replica")});
        }
        return service;
    }

    // The file's reading has given it the service's fields, but for what stands under `deploy` and
    // `volumes`.
    Result<Service> step(const Node& node, const std::string& path, const Service& service) {
        Service step{.name = service.name, .at = node.at};
        step.mounts = TRY(read_mounts(node, path, diagnostics_));
        TRY(check_run_settings(node, path, diagnostics_));
        read_image(node, step);
        read_process(node, step);
        read_connections(node, step);
        read_rights(node, step);
        inherit(service, step);
        return step;
    }

    void read_image(const Node& node, Service& service) {
        service.image = node.text_of("image");
        service.build = read_build(node);
        if (service.image.empty()) service.image = project_.name + "-" + service.name;
        service.pull_policy = node.text_of("pull_policy");
        constexpr std::string_view kPolicies[] = {"", "always", "build", "missing", "never"};
        if (std::ranges::find(kPolicies, service.pull_policy) == std::end(kPolicies))
            diagnostics_.warn(node.find("pull_policy")->at,
                              "services." + service.name + ".pull_policy",
                              "crank knows always, missing, never and build: '" +
                                  service.pull_policy + "' is as missing");
        service.container_name = node.text_of("container_name");
        service.labels = map_of(node, "labels");
        service.annotations = map_of(node, "annotations");
        service.runtime = node.text_of("runtime");
    }

    static void read_process(const Node& node, Service& service) {
        for (auto [name, to] :
             {std::pair("command", &service.command), std::pair("entrypoint", &service.entrypoint)})
            if (const Node* words = node.find(name); words != nullptr && words->is_list())
                *to = texts_of(node, name);
        for (const Field& entry : entries_of(node, "environment"))
            service.environment.emplace_back(
                entry.key,
                entry.value.is_null() ? std::nullopt : std::optional(scalar_text(entry.value)));
        service.user = node.text_of("user");
        service.working_dir = node.text_of("working_dir");
        service.health = compose::read_health(node);
        service.restart = read_restart(node);
        service.log_driver =
            node.find("logging") == nullptr ? "" : node.find("logging")->text_of("driver");
        if (const Node* logging = node.find("logging"))
            service.log_options = map_of(*logging, "options");
        service.stop_signal = node.text_of("stop_signal");
        if (!node.text_of("stop_grace_period").empty())
            service.stop_grace = time_of(node, "stop_grace_period");
        if (const Node* init = node.find("init"); init != nullptr && init->is(Kind::boolean))
            service.init = init->flag;
        service.read_only = flag_of(node, "read_only");
        service.terminal = flag_of(node, "tty");
        service.interactive = flag_of(node, "stdin_open");
        service.attach = flag_of(node, "attach", true);
        service.tmpfs = texts_of(node, "tmpfs");
        service.volumes_from = texts_of(node, "volumes_from");
        service.files = read_files(node);
    }

    static std::int64_t priority_of(const Node& node) {
        return number_of(node, "priority").value_or(0);
    }
    static void read_networks(const Node& node, Service& service) {
        std::vector<const Field*> order;
        for (const Field& entry : entries_of(node, "networks")) order.push_back(&entry);
        std::ranges::sort(order, [](const Field* a, const Field* b) {
            std::int64_t first = priority_of(a->value), second = priority_of(b->value);
            return first != second ? first > second : a->key < b->key;
        });
        for (const Field* entry : order)
            service.networks.push_back({.key = entry->key,
                                        .aliases = texts_of(entry->value, "aliases"),
                                        .ipv4 = entry->value.text_of("ipv4_address"),
                                        .ipv6 = entry->value.text_of("ipv6_address"),
                                        .at = entry->at});
    }
    static void read_connections(const Node& node, Service& service) {
        read_networks(node, service);
        service.hostname = node.text_of("hostname");
        service.domainname = node.text_of("domainname");
        service.network_mode = node.text_of("network_mode");
        service.pid = node.text_of("pid");
        service.ipc = node.text_of("ipc");
        service.uts = node.text_of("uts");
        for (const Node& port : items_of(node, "ports"))
            service.ports.push_back({.host_ip = port.text_of("host_ip"),
                                     .published = port.text_of("published"),
                                     .target = number_of(port, "target").value_or(0),
                                     .protocol = port.text_of("protocol"),
                                     .app_protocol = port.text_of("app_protocol"),
                                     .own = port.text_of("mode") == "host",
                                     .at = port.at});
        service.expose = texts_of(node, "expose");
        service.hosts = compose::read_hosts(node);
        service.dns = texts_of(node, "dns");
        service.dns_search = texts_of(node, "dns_search");
        service.dns_options = texts_of(node, "dns_opt");
    }

    static void read_rights(const Node& node, Service& service) {
        service.limits = compose::read_limits(node);
        service.gpus = read_gpus(node);
        for (const Node& device : items_of(node, "devices")) {
            std::string source = device.text_of("source"), target = device.text_of("target");
            std::string permissions = device.text_of("permissions");
            // A CDI device is one name.
            if (!source.starts_with('/')) {
                service.devices.push_back(source);
                continue;
            }
            service.devices.push_back(source + ":" + (target.empty() ? source : target) + ":" +
                                      (permissions.empty() ? "rwm" : permissions));
        }
        service.device_rules = texts_of(node, "device_cgroup_rules");
        service.cap_add = texts_of(node, "cap_add");
        service.cap_drop = texts_of(node, "cap_drop");
        service.security_opt = texts_of(node, "security_opt");
        service.group_add = texts_of(node, "group_add");
        service.ulimits = compose::read_ulimits(node);
        service.sysctls = map_of(node, "sysctls");
        service.oom_score_adj = number_of(node, "oom_score_adj");
        service.privileged = flag_of(node, "privileged");
        service.userns_mode = node.text_of("userns_mode");
    }

    void read_rollout(const Node& node, Service& service) {
        for (const Field& entry : entries_of(node, "depends_on")) {
            using Condition = Dependency::Condition;
            std::string text = entry.value.text_of("condition");
            Condition condition = text == "service_healthy"                  ? Condition::healthy
                                  : text == "service_completed_successfully" ? Condition::completed
                                                                             : Condition::started;
            service.depends_on.push_back({entry.key, condition,
                                          flag_of(entry.value, "required", true),
                                          flag_of(entry.value, "restart")});
        }
        service.post_start = read_hooks(node, "post_start");
        service.pre_stop = read_hooks(node, "pre_stop");
        service.watch = read_watch(node);
        std::optional<std::int64_t> replicas = number_of(node, "scale");
        const Node* deploy = node.find("deploy");
        if (!replicas && deploy != nullptr) replicas = number_of(*deploy, "replicas");
        service.replicas = replicas.value_or(1);
        std::string mode = deploy == nullptr ? "" : deploy->text_of("endpoint_mode");
        if (mode == "vip") service.address = Service::Address::always;
        if (mode == "dnsrr") service.address = Service::Address::never;
    }

    // What it depends on, and what its image is made of, or by.
    static std::vector<std::string> earlier_than(const Service& service,
                                                 const std::vector<Service>& all) {
        constexpr std::string_view kService = "service:";
        std::vector<std::string> names;
        for (const Dependency& on : service.depends_on) names.push_back(on.service);
        if (service.build)
            for (const auto& [name, context] : service.build->contexts)
                if (context.starts_with(kService)) names.push_back(context.substr(kService.size()));
        for (const Service& other : all)
            if (!service.build && other.build && other.image == service.image)
                names.push_back(other.name);
        return names;
    }
    // Depth first: what others depend on comes before them. There are no cycles of dependencies;
    // one that builds make is left where it is found.
    static void sort(std::vector<Service>& services) {
        std::ranges::sort(services, {}, &Service::name);
        std::vector<Service> sorted;
        std::set<std::string> seen, begun;
        std::vector<std::string> stack;
        auto find = [&](const std::string& name) {
            return std::ranges::find(services, name, &Service::name);
        };
        for (const Service& first : services) {
            stack.push_back(first.name);
            while (!stack.empty()) {
                std::string name = stack.back();
                auto service = find(name);
                std::size_t before = stack.size();
                if (service != services.end() && begun.insert(name).second)
                    for (const std::string& earlier : earlier_than(*service, services))
                        if (!begun.contains(earlier) && find(earlier) != services.end())
                            stack.push_back(earlier);
                if (stack.size() != before) continue;
                stack.pop_back();
                if (service != services.end() && seen.insert(name).second)
                    sorted.push_back(*service);
            }
        }
        services = std::move(sorted);
    }

    static Network network(const Field& field) {
        const Node& node = field.value;
        Network network{.key = field.key,
                        .name = node.text_of("name"),
                        .driver = node.text_of("driver"),
                        .at = field.at,
                        .external = flag_of(node, "external"),
                        .internal = flag_of(node, "internal"),
                        .ipv6 = flag_of(node, "enable_ipv6"),
                        .options = map_of(node, "driver_opts"),
                        .labels = map_of(node, "labels")};
        const Node* ipam = node.find("ipam");
        if (ipam == nullptr) return network;
        for (const Node& pool : items_of(*ipam, "config")) {
            std::string subnet = pool.text_of("subnet");
            if (subnet.empty()) continue;
            network.subnets.push_back(subnet);
            if (!pool.text_of("gateway").empty())
                network.gateways.push_back(pool.text_of("gateway"));
            if (!pool.text_of("ip_range").empty())
                network.ranges.push_back(pool.text_of("ip_range"));
        }
        return network;
    }
    // A volume of another kind would be an empty directory in its place.
    Result<Volume> volume(const Field& field) const {
        const Node& node = field.value;
        std::string driver = node.text_of("driver");
        if (!driver.empty() && driver != "local")
            return diagnostics_.error(
                field.at, "volumes." + field.key,
                "crank's volumes are directories of this machine: no other driver",
                "mount it on this machine, and use a bind mount");
        return Volume{.key = field.key,
                      .name = node.text_of("name"),
                      .at = field.at,
                      .external = flag_of(node, "external"),
                      .options = map_of(node, "driver_opts"),
                      .labels = map_of(node, "labels")};
    }
    Result<std::vector<FileSource>> sources(std::string_view kind) const {
        std::vector<FileSource> sources;
        for (const Field& field : entries_of(project_.model, kind)) {
            const Node& node = field.value;
            std::string path = std::string(kind) + "." + field.key;
            FileSource source{.key = field.key, .at = field.at, .file = node.text_of("file")};
            if (flag_of(node, "external"))
                return diagnostics_.error(field.at, path,
                                          "is external, and crank keeps no secrets and configs "
                                          "of its own",
                                          "file: PATH, or environment: NAME");
            if (const Node* content = node.find("content")) source.content = content->text;
            if (std::string name = node.text_of("environment"); !name.empty()) {
                auto set = project_.environment.find(name);
                if (set == project_.environment.end())
                    return diagnostics_.error(field.at, path,
                                              "the variable " + name + " is not set");
                source.content = set->second;
            }
            sources.push_back(std::move(source));
        }
        return sources;
    }

    const Project& project_;
    Diagnostics& diagnostics_;
    const Surroundings& here_;
};

}  // namespace

const Service* TypedProject::find(std::string_view service) const {
    auto found = std::ranges::find(services, service, &Service::name);
    return found == services.end() ? nullptr : &*found;
}

Result<TypedProject> typed(const Project& project, Diagnostics& diagnostics,
                           const Surroundings& here) {
    return Reading(project, diagnostics, here).all();
}

namespace {

// How it would run elsewhere, and why it runs here, makes it no other.
void keep_native(Node& service, bool native) {
    Node* worker = service.find("x-crank");
    if (worker == nullptr) return;
    if (Node* options = worker->find("native"); options != nullptr && native)
        options->erase("when");
    else
        worker->erase("native");
    if (worker->fields.empty()) service.erase("x-crank");
}

void keep_what_makes_it(Node& service) {
    for (std::string_view field :
         {"attach", "build", "depends_on", "develop", "profiles", "pull_policy", "scale"})
        service.erase(field);
    std::erase_if(service.fields, [](const Field& field) {
        return field.key.starts_with("x-") && field.key != "x-crank";
    });
    if (Node* worker = service.find("x-crank")) worker->erase("rollout");
    Node* deploy = service.find("deploy");
    if (deploy == nullptr) return;
    for (std::string_view field : {"endpoint_mode", "replicas", "update_config", "rollback_config"})
        deploy->erase(field);
    // Printed always; empty they say nothing.
    for (std::string_view field : {"placement", "resources"})
        if (const Node* part = deploy->find(field); part != nullptr && part->fields.empty())
            deploy->erase(field);
    if (deploy->fields.empty()) service.erase("deploy");
}

// What is not in a file that the container sees, but was copied for it.
void add_contents(const TypedProject& project, const Service& service, Node& node) {
    Node contents = Node::map();
    auto add = [&](const FileUse& use) {
        const auto& sources = use.kind == FileUse::Kind::secret ? project.secrets : project.configs;
        auto source = std::ranges::find(sources, use.key, &FileSource::key);
        if (source != sources.end() && source->content && contents.find(use.target) == nullptr)
            contents.set(use.target, Node::of_text(oci::Digest::of(*source->content).str()));
    };
    for (const FileUse& use : service.files) add(use);
    for (const PreStart& step : service.pre_start)
        for (const FileUse& use : step.container.files) add(use);
    if (!contents.fields.empty()) node.set("contents", std::move(contents));
}

}  // namespace

std::string identity(const Project& project, const TypedProject& types, const Service& service) {
    Node printed = printable(project, Format::yaml);
    Node* services = printed.find("services");
    Node* node = services == nullptr ? nullptr : services->find(service.name);
    if (node == nullptr) return "";
    keep_what_makes_it(*node);
    keep_native(*node, service.placement.native);
    add_contents(types, service, *node);
    return to_json(*node, Dollars::kept);
}

}  // namespace crank::compose
