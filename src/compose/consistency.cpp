#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "compose/address.h"
#include "compose/finish.h"
#include "compose/worker.h"

namespace crank::compose {
namespace {

const std::vector<Field>& fields_of(const Node& model, std::string_view name) {
    static const std::vector<Field> kNone;
    const Node* node = model.find(name);
    return node == nullptr ? kNone : node->fields;
}
const std::vector<Node>& items_of(const Node& node, std::string_view name) {
    static const std::vector<Node> kNone;
    const Node* list = node.find(name);
    return list == nullptr ? kNone : list->items;
}
bool declares(const Node& model, std::string_view kind, std::string_view name) {
    const Node* all = model.find(kind);
    return all != nullptr && all->find(name) != nullptr;
}
bool is_true(const Node* node) { return node != nullptr && node->flag; }

class Check {
public:
    Check(const Node& model, const Node& disabled, const Diagnostics& diagnostics)
        : model_(model), disabled_(disabled), diagnostics_(diagnostics) {}

    Result<void> all() {
        for (const Field& service : fields_of(model_, "services")) {
            path_ = "services." + service.key;
            TRY(this->service(service.value));
            TRY(worker_options(service.value, path_, diagnostics_));
        }
        for (const Field& volume : fields_of(model_, "volumes")) TRY(external(volume));
        for (const Field& job : fields_of(model_, "jobs"))
            if (declares(model_, "services", job.key) || disabled_.find(job.key) != nullptr)
                return diagnostics_.error(job.at, "jobs." + job.key, "is also a service's name");
        for (const Field& secret : fields_of(model_, "secrets"))
            TRY(source(secret, "secrets", {"file", "environment"}));
        for (const Field& config : fields_of(model_, "configs"))
            TRY(source(config, "configs", {"file", "environment", "content"}));
        return cycles();
    }

private:
    std::unexpected<Error> error(Position at, std::string_view field, std::string_view what) const {
        return diagnostics_.error(at, path_ + (field.empty() ? "" : "." + std::string(field)),
                                  what);
    }

    Result<void> service(const Node& node) {
        const Node* build = node.find("build");
        // One that runs natively, perhaps only here, needs none.
        const Node* worker = node.find("x-crank");
        bool native = worker != nullptr && worker->find("native") != nullptr;
        if (build == nullptr && node.text_of("image").empty() && node.find("provider") == nullptr &&
            !native)
            return error(node.at, "", "has neither an image nor a build context");
        if (build != nullptr) TRY(this->build(*build, node));
        TRY(references(node));
        TRY(dependencies(node));
        TRY(mounts(node));
        for (const Node& hook : items_of(node, "pre_start")) {
            TRY(references(hook));
            TRY(mounts(hook));
        }
        TRY(ports(node));
        TRY(limits(node));
        TRY(watches(node));
        TRY(container_name(node));
        return scale(node);
    }
    Result<void> build(const Node& build, const Node& service) {
        if (build.find("dockerfile") != nullptr && build.find("dockerfile_inline") != nullptr)
            return error(build.at, "build", "has both dockerfile and dockerfile_inline");
        for (const Node& secret : items_of(build, "secrets"))
            TRY(declared("secrets", secret.text_of("source"), secret.at, "build.secrets"));
        std::string platform = service.text_of("platform");
        const std::vector<Node>& platforms = items_of(build, "platforms");
        bool found =
            std::ranges::any_of(platforms, [&](const Node& p) { return p.text == platform; });
        if (!platform.empty() && !platforms.empty() && !found)
            return error(build.at, "build.platforms",
                         "must include the platform '" + platform + "'");
        return {};
    }
    // `by`: who wants it, and does not mean himself.
    Result<void> declared(std::string_view kind, const std::string& name, Position at,
                          std::string_view field, std::string_view by = "") const {
        if (declares(model_, kind, name)) return {};
        std::vector<std::string_view> names;
        for (const Field& known : fields_of(model_, kind))
            if (known.key != by) names.push_back(known.key);
        auto near = did_you_mean(name, names);
        return error(at, field,
                     "'" + name + "' is not declared under " + std::string(kind) +
                         (near ? "; did you mean " + *near + "?" : ""));
    }
    Result<void> references(const Node& node) {
        const Node* mode = node.find("network_mode");
        const Node* networks = node.find("networks");
        if (mode != nullptr && networks != nullptr && !networks->fields.empty())
            return error(mode->at, "network_mode", "excludes networks");
        for (const Field& network : fields_of(node, "networks"))
            TRY(declared("networks", network.key, network.at, "networks"));
        for (const Field& model : fields_of(node, "models"))
            TRY(declared("models", model.key, model.at, "models"));
        for (std::string_view kind : {"secrets", "configs"})
            for (const Node& entry : items_of(node, kind))
                TRY(declared(kind, entry.text_of("source"), entry.at, kind));
        for (const Node& mount : items_of(node, "volumes")) {
            std::string source = mount.text_of("source");
            if (mount.text_of("type") == "volume" && !source.empty())
                TRY(declared("volumes", source, mount.at, "volumes"));
            if (mount.text_of("type") == "bind" && source.empty())
                return error(mount.at, "volumes", "a bind mount wants a source");
        }
        return {};
    }
    Result<void> dependencies(const Node& node) {
        for (const Field& one : fields_of(node, "depends_on")) {
            if (declares(model_, "services", one.key)) continue;
            bool off = disabled_.find(one.key) != nullptr;
            if (off && !is_true(one.value.find("required"))) continue;
            if (off)
                return error(one.at, "depends_on",
                             "'" + one.key + "' is a service of a profile that is not in force");
            TRY(declared("services", one.key, one.at, named_in(node, one.key),
                         path_.substr(path_.find('.') + 1)));
        }
        return {};
    }
    // Which field makes it depend on that service: others than depends_on imply it.
    static std::string_view named_in(const Node& node, const std::string& service) {
        for (std::string_view field : {"network_mode", "ipc", "pid", "uts", "cgroup"})
            if (node.text_of(field) == "service:" + service) return field;
        for (std::string_view field : {"links", "volumes_from"})
            for (const Node& one : items_of(node, field))
                if (one.text.substr(0, one.text.find(':')) == service) return field;
        return "depends_on";
    }
    Result<void> mounts(const Node& node) {
        std::set<std::string> targets;
        for (const Node& one : items_of(node, "tmpfs"))
            if (!targets.insert(one.text.substr(0, one.text.find(':'))).second)
                return error(one.at, "tmpfs", "'" + one.text + "' is mounted twice");
        for (const Node& mount : items_of(node, "volumes"))
            if (!targets.insert(mount.text_of("target")).second)
                return error(mount.at, "volumes",
                             "'" + mount.text_of("target") + "' is mounted twice");
        return {};
    }
    Result<void> ports(const Node& node) {
        for (const Node& port : items_of(node, "ports")) {
            const Node* target = port.find("target");
            if (port.is_map() && (target == nullptr || target->is_null()))
                return error(port.at, "ports", "a port wants a target");
            if (target != nullptr && target->is(Kind::integer) &&
                (target->number < 0 || target->number > 65535))
                return error(target->at, "ports",
                             "the target " + scalar_text(*target) + " is no port");
            std::string address = port.text_of("host_ip");
            bool given = port.find("host_ip") != nullptr;
            if (given && !address.starts_with('$') && !is_ip_address(address))
                return error(port.at, "ports", "'" + address + "' is no IP address");
        }
        return {};
    }
    Result<void> requests(const Node& owner, std::string_view field, bool wants_capabilities) {
        for (const Node& request : items_of(owner, field.substr(field.rfind('.') + 1))) {
            if (request.find("count") != nullptr && request.find("device_ids") != nullptr)
                return error(request.at, field, "count and device_ids exclude each other");
            if (wants_capabilities && request.find("capabilities") == nullptr)
                return error(request.at, field, "a device request wants the field capabilities");
        }
        return {};
    }
    // The same limit in two fields must be the same.
    Result<void> limits(const Node& node) {
        const Node* deploy = node.find("deploy");
        const Node* resources = deploy == nullptr ? nullptr : deploy->find("resources");
        TRY(requests(node, "gpus", false));
        if (resources == nullptr) return {};
        if (const Node* reserved = resources->find("reservations"))
            TRY(requests(*reserved, "deploy.resources.reservations.devices", true));
        struct Pair {
            std::string_view own, part, other;
        };
        constexpr Pair kPairs[] = {{"cpus", "limits", "cpus"},
                                   {"mem_limit", "limits", "memory"},
                                   {"mem_reservation", "reservations", "memory"},
                                   {"pids_limit", "limits", "pids"}};
        for (const Pair& pair : kPairs) {
            const Node* own = node.find(pair.own);
            const Node* part = resources->find(pair.part);
            if (own == nullptr || part == nullptr) continue;
            if (part->text_of(pair.other) != scalar_text(*own))
                return error(own->at, pair.own,
                             "differs from deploy.resources." + std::string(pair.part) + "." +
                                 std::string(pair.other));
        }
        return {};
    }
    Result<void> watches(const Node& node) {
        const Node* develop = node.find("develop");
        if (develop == nullptr) return {};
        for (const Node& watch : items_of(*develop, "watch")) {
            std::string action = watch.text_of("action");
            if (watch.text_of("path").empty())
                return error(watch.at, "develop.watch", "the path is empty");
            if (watch.text_of("target").empty() && action != "rebuild" && action != "restart")
                return error(watch.at, "develop.watch", "the action " + action + " wants a target");
            const Node* exec = watch.find("exec");
            bool command = exec != nullptr && exec->is_map() && !items_of(*exec, "command").empty();
            if (action == "sync+exec" && !command)
                return error(watch.at, "develop.watch", "the action sync+exec wants exec.command");
        }
        return {};
    }
    Result<void> container_name(const Node& node) {
        const Node* name = node.find("container_name");
        if (name == nullptr) return {};
        auto [other, is_new] = container_names_.emplace(name->text, path_);
        if (is_new) return {};
        return error(name->at, "container_name",
                     "'" + name->text + "' is also the name of " + other->second);
    }
    Result<void> scale(const Node& node) {
        const Node* scale = node.find("scale");
        const Node* deploy = node.find("deploy");
        const Node* replicas = deploy == nullptr ? nullptr : deploy->find("replicas");
        if (scale != nullptr && replicas != nullptr &&
            scalar_text(*scale) != scalar_text(*replicas))
            return error(scale->at, "scale", "differs from deploy.replicas");
        const Node* wanted = scale != nullptr ? scale : replicas;
        if (wanted == nullptr) return {};
        std::string_view field = wanted == scale ? "scale" : "deploy.replicas";
        if (wanted->number < 0) return error(wanted->at, field, "must be 0 or more");
        if (wanted->number > kMostReplicas)
            return error(wanted->at, field,
                         "must be " + std::to_string(kMostReplicas) + " at most");
        if (wanted->number > 1 && node.find("container_name") != nullptr)
            return error(wanted->at, field, "more than one container cannot have container_name");
        return {};
    }
    Result<void> external(const Field& entry) {
        if (!is_true(entry.value.find("external"))) return {};
        for (const Field& field : entry.value.fields)
            if (field.key != "name" && field.key != "external" && !field.key.starts_with("x-") &&
                !(field.value.is_map() && field.value.fields.empty()))
                return diagnostics_.error(field.at, "volumes." + entry.key,
                                          "is external, which excludes " + field.key);
        return {};
    }
    Result<void> source(const Field& entry, std::string_view kind,
                        std::initializer_list<std::string_view> fields) {
        path_ = std::string(kind) + "." + entry.key;
        std::vector<std::string> names(fields.begin(), fields.end());
        auto given = std::ranges::count_if(
            fields, [&](std::string_view name) { return entry.value.find(name) != nullptr; });
        if (given > 1) return error(entry.at, "", join(names, ", ") + " exclude each other");
        if (given == 0 && !is_true(entry.value.find("external")))
            return error(entry.at, "", "wants one of " + join(names, ", "));
        return {};
    }

    // Depth first, without recursion that a file could make as deep as it likes.
    Result<void> cycles() {
        std::map<std::string, int> seen;  // 1: being visited, 2: done
        for (const Field& service : fields_of(model_, "services")) {
            std::vector<std::string> stack{service.key};
            while (!stack.empty()) {
                std::string name = stack.back();
                int& state = seen[name];
                if (state != 0) {
                    state = 2;
                    stack.pop_back();
                    continue;
                }
                state = 1;
                const Node* node = model_.find("services")->find(name);
                if (node == nullptr) continue;
                for (const Field& next : fields_of(*node, "depends_on")) {
                    if (seen[next.key] == 1)
                        return diagnostics_.error(next.at, "services." + name + ".depends_on",
                                                  "depends on itself through '" + next.key + "'");
                    if (seen[next.key] == 0) stack.push_back(next.key);
                }
            }
        }
        return {};
    }

    const Node& model_;
    const Node& disabled_;
    const Diagnostics& diagnostics_;
    std::string path_;
    std::map<std::string, std::string> container_names_;  // to the service's path
};

void keep_only(Node& model, std::string_view kind, const std::set<std::string>& used) {
    Node* all = model.find(kind);
    if (all == nullptr) return;
    std::erase_if(all->fields, [&](const Field& field) { return !used.contains(field.key); });
}

}  // namespace

Result<void> check_consistency(const Node& model, const Node& disabled,
                               const Diagnostics& diagnostics) {
    return Check(model, disabled, diagnostics).all();
}

void drop_unused(Node& model) {
    std::set<std::string> networks, volumes, secrets, configs, models;
    auto uses = [&](const Node& node) {
        for (const Field& network : fields_of(node, "networks")) networks.insert(network.key);
        for (const Field& one : fields_of(node, "models")) models.insert(one.key);
        for (const Node& mount : items_of(node, "volumes"))
            if (mount.text_of("type") == "volume") volumes.insert(mount.text_of("source"));
        for (const Node& secret : items_of(node, "secrets"))
            secrets.insert(secret.text_of("source"));
        for (const Node& config : items_of(node, "configs"))
            configs.insert(config.text_of("source"));
    };
    for (const Field& service : fields_of(model, "services")) {
        uses(service.value);
        for (const Node& hook : items_of(service.value, "pre_start")) uses(hook);
        if (const Node* build = service.value.find("build"))
            for (const Node& secret : items_of(*build, "secrets"))
                secrets.insert(secret.text_of("source"));
    }
    keep_only(model, "networks", networks);
    keep_only(model, "volumes", volumes);
    keep_only(model, "secrets", secrets);
    keep_only(model, "configs", configs);
    keep_only(model, "models", models);
}

}  // namespace crank::compose
