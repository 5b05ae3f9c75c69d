#include "compose/select.h"

#include <set>

#include "base/text.h"
#include "compose/finish.h"

namespace crank::compose {
namespace {

Error unknown(const Node& services, const std::string& name) {
    std::vector<std::string_view> known;
    std::vector<std::string> names;
    for (const Field& service : services.fields) {
        known.push_back(service.key);
        names.push_back(service.key);
    }
    auto near = did_you_mean(name, known);
    return Error(Code::not_found, "no such service: " + name)
        .with_hint(near            ? "did you mean " + *near + "?"
                   : names.empty() ? "the project has no services"
                                   : "services: " + join(names, ", "));
}

}  // namespace

Result<void> select_services(Project& project, const std::vector<std::string>& names) {
    Node& services = *project.model.find("services");
    std::set<std::string> wanted;
    std::vector<std::string> open = names;
    for (const std::string& name : names)
        if (services.find(name) == nullptr) return fail(unknown(services, name));
    while (!open.empty()) {
        std::string name = open.back();
        open.pop_back();
        const Node* service = services.find(name);
        // What is not required may be of another profile.
        if (service == nullptr || !wanted.insert(name).second) continue;
        if (const Node* others = service->find("depends_on"))
            for (const Field& other : others->fields) open.push_back(other.key);
    }
    for (const Field& service : services.fields)
        if (!wanted.contains(service.key)) project.disabled.fields.push_back(service);
    std::erase_if(services.fields,
                  [&](const Field& service) { return !wanted.contains(service.key); });
    drop_unused(project.model);
    return {};
}

}  // namespace crank::compose
