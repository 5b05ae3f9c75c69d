#include "base/text.h"
#include "compose/finish.h"
#include "compose/merge.h"
#include "compose/short_forms.h"

namespace crank::compose {
namespace {

void set_default(Node& node, std::string_view field, Node value) {
    const Node* known = node.find(field);
    if (known == nullptr || known->is_null()) node.set(field, std::move(value));
}

// Mappings of a list-valued field.
template <class Change>
void each_entry(Node& node, std::string_view field, Change change) {
    Node* list = node.find(field);
    if (list == nullptr) return;
    for (Node& item : list->items)
        if (item.is_map()) change(item);
}

void default_count(Node& request) {
    if (request.find("count") == nullptr && request.find("device_ids") == nullptr)
        request.set("count", Node::of_number(-1, request.at));
}

void set_dependency(Node& service, const std::string& name, bool restart, Position at) {
    if (service.find("depends_on") == nullptr) service.set("depends_on", Node::map(at));
    Node& all = *service.find("depends_on");
    if (all.find(name) != nullptr) return;
    Node one = Node::map(at);
    if (restart) one.set("restart", Node::of_flag(true, at));
    all.set(name, std::move(one));
}

void imply_dependencies(Node& service) {
    if (const Node* links = service.find("links"))
        for (const Node& link : std::vector<Node>(links->items))
            set_dependency(service, link.text.substr(0, link.text.find(':')), true, link.at);
    for (std::string_view field : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
        std::string shared = service.text_of(field);
        if (shared.starts_with("service:"))
            set_dependency(service, shared.substr(8), true, service.find(field)->at);
    }
    if (const Node* from = service.find("volumes_from"))
        for (const Node& one : std::vector<Node>(from->items))
            if (!one.text.starts_with("container:"))
                set_dependency(service, one.text.substr(0, one.text.find(':')), false, one.at);
    Node* all = service.find("depends_on");
    if (all == nullptr) return;
    for (Field& one : all->fields) {
        if (one.value.is_null()) one.value = Node::map(one.value.at);
        set_default(one.value, "condition", Node::of_text("service_started", one.at));
        set_default(one.value, "required", Node::of_flag(true, one.at));
    }
}

// Values that are only named, from the environment; of arguments those without are left out.
void fill_pairs(Node* pairs, const Environment& environment, bool keep) {
    if (pairs == nullptr || !pairs->is_map()) return;
    for (Field& field : pairs->fields) {
        auto set = environment.find(field.key);
        if (field.value.is_null() && set != environment.end())
            field.value = Node::of_text(set->second, field.at);
    }
    if (!keep)
        std::erase_if(pairs->fields, [](const Field& field) { return field.value.is_null(); });
}

void normalise_build(Node& service, const Environment& environment) {
    Node* build = service.find("build");
    if (build == nullptr || !build->is_map()) return;
    if (build->find("dockerfile_inline") == nullptr)
        set_default(*build, "dockerfile", Node::of_text("Dockerfile", build->at));
    fill_pairs(build->find("args"), environment, false);
}

void default_network(Node& model, Node& service) {
    if (service.find("provider") != nullptr || service.find("network_mode") != nullptr) return;
    Node* networks = service.find("networks");
    if (networks == nullptr || networks->fields.empty()) {
        Node map = Node::map(service.at), none;
        none.at = service.at;
        map.set("default", std::move(none));
        service.set("networks", std::move(map));
        networks = service.find("networks");
    }
    if (networks->find("default") == nullptr) return;
    if (model.find("networks") == nullptr) model.set("networks", Node::map());
    Node& declared = *model.find("networks");
    if (declared.find("default") == nullptr) declared.set("default", Node{});
}

void normalise_container(Node& service) {
    if (service.text_of("pull_policy") == "if_not_present")
        service.set("pull_policy", Node::of_text("missing", service.find("pull_policy")->at));
    each_entry(service, "volumes", [](Node& mount) {
        if (Node* target = mount.find("target")) target->text = clean_path(target->text);
    });
    each_entry(service, "secrets", [](Node& secret) {
        set_default(secret, "target",
                    Node::of_text("/run/secrets/" + secret.text_of("source"), secret.at));
    });
    each_entry(service, "ports", [](Node& port) {
        set_default(port, "protocol", Node::of_text("tcp", port.at));
        set_default(port, "mode", Node::of_text("ingress", port.at));
    });
    each_entry(service, "env_file",
               [](Node& file) { set_default(file, "required", Node::of_flag(true, file.at)); });
    each_entry(service, "gpus", default_count);
}

// A hook before the start has what its service has and it does not say itself, volumes excepted.
Result<void> complete_hooks(Node& service, const Diagnostics& diagnostics) {
    Node* hooks = service.find("pre_start");
    if (hooks == nullptr) return {};
    Node base = Node::map(service.at);
    for (const FieldSpec& field : container_fields())
        if (const Node* value = service.find(field.name);
            value != nullptr && field.name != "volumes")
            base.set(field.name, *value);
    if (count_nodes(base) * hooks->items.size() > kMaxProjectNodes)
        return diagnostics.error(hooks->at, "pre_start",
                                 "more than " + std::to_string(kMaxProjectNodes) +
                                     " values with what each hook inherits");
    for (Node& hook : hooks->items) {
        Node whole = base;
        TRY(merge_object(whole, std::move(hook), service_schema(), diagnostics));
        hook = std::move(whole);
    }
    return {};
}

Result<void> normalise_service(Node& model, Node& service, const Environment& environment,
                               const Diagnostics& diagnostics) {
    if (!service.is_map()) service = Node::map(service.at);
    default_network(model, service);
    normalise_build(service, environment);
    fill_pairs(service.find("environment"), environment, true);
    imply_dependencies(service);
    normalise_container(service);
    if (Node* deploy = service.find("deploy"))
        if (Node* resources = deploy->find("resources"))
            if (Node* reserved = resources->find("reservations"))
                each_entry(*reserved, "devices", default_count);
    return complete_hooks(service, diagnostics);
}

Result<void> normalise_resource(Field& field, const std::string& project,
                                const Diagnostics& diagnostics) {
    Node& resource = field.value;
    if (!resource.is_map()) resource = Node::map(field.at);
    Node* external = resource.find("external");
    if (external != nullptr && external->is_map()) {
        std::string named = external->text_of("name"), own = resource.text_of("name");
        if (!own.empty() && !named.empty() && own != named)
            return diagnostics.error(external->at, field.key,
                                     "name and external.name conflict; only use name");
        if (own.empty() && !named.empty()) resource.set("name", Node::of_text(named, external->at));
        *resource.find("external") = Node::of_flag(true, field.at);
        external = resource.find("external");
    }
    bool is_external = external != nullptr && external->flag;
    set_default(resource, "name",
                Node::of_text(is_external ? field.key : project + "_" + field.key, field.at));
    return {};
}

}  // namespace

Result<void> normalise(Node& model, const std::string& name, const Environment& environment,
                       const Diagnostics& diagnostics) {
    for (std::string_view kind : {"services", "jobs"})
        if (Node* services = model.find(kind))
            for (std::size_t i = 0; i < services->fields.size(); i++) {
                // The model may get networks, which moves its fields.
                Node service = std::move(model.find(kind)->fields[i].value);
                TRY(normalise_service(model, service, environment, diagnostics));
                services = model.find(kind);
                services->fields[i].value = std::move(service);
            }
    for (std::string_view kind : {"networks", "volumes", "configs", "secrets"})
        if (Node* resources = model.find(kind))
            for (Field& field : resources->fields)
                TRY(normalise_resource(field, name, diagnostics));
    model.set("name", Node::of_text(name));
    return {};
}

}  // namespace crank::compose
