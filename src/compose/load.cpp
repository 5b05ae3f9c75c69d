#include "compose/load.h"

#include <algorithm>

#include "base/text.h"
#include "compose/finish.h"
#include "compose/loader.h"

namespace crank::compose {
namespace {

// The process's own, then .env of the directory or the files that were named.
Result<Environment> project_environment(const LoadOptions& options, Files& files, Loader& loader) {
    std::vector<std::string> env_files = options.env_files;
    std::string usual = options.directory + "/.env";
    if (env_files.empty() && files.exists(usual)) env_files.push_back(usual);
    return loader.environment(env_files, options.environment);
}

Result<std::string> name_of(const LoadOptions& options, const Environment& environment,
                            Loader& loader) {
    std::string given = options.name;
    auto set = environment.find("COMPOSE_PROJECT_NAME");
    if (given.empty() && set != environment.end()) given = set->second;
    if (!given.empty()) return check_project_name(given);
    std::string written = TRY(loader.name_in_files(environment));
    std::string name = normalise_project_name(written);
    if (!name.empty()) return name;
    if (!written.empty()) return check_project_name(written);
    std::size_t slash = options.directory.rfind('/');
    name = normalise_project_name(options.directory.substr(slash + 1));
    if (name.empty())
        return fail(Error(Code::invalid_argument, "the project has no name")
                        .with_hint("--project-name NAME, or name: in the compose file"));
    return name;
}

std::vector<std::string> profiles_of(const LoadOptions& options, const Environment& environment) {
    std::vector<std::string> profiles = options.profiles;
    auto set = environment.find("COMPOSE_PROFILES");
    if (!profiles.empty() || set == environment.end()) return profiles;
    for (const std::string& name : split(set->second, ','))
        if (!trim(name).empty()) profiles.emplace_back(trim(name));
    return profiles;
}

bool in_force(const Node& service, const std::vector<std::string>& profiles) {
    const Node* own = service.find("profiles");
    if (own == nullptr || own->items.empty()) return true;
    // A variable that is not set: no profile is the one without a name, as with Docker.
    if (profiles.empty() &&
        std::ranges::any_of(own->items, [](const Node& profile) { return profile.text.empty(); }))
        return true;
    return std::ranges::any_of(profiles, [&](const std::string& wanted) {
        return wanted == "*" || std::ranges::any_of(own->items, [&](const Node& profile) {
                   return profile.text == wanted;
               });
    });
}

void part_profiles(Project& project) {
    project.disabled = Node::map();
    Node* services = project.model.find("services");
    if (services == nullptr) return;
    for (const Field& service : services->fields)
        if (!in_force(service.value, project.profiles)) project.disabled.fields.push_back(service);
    for (const Field& service : project.disabled.fields) services->erase(service.key);
}

}  // namespace

std::string normalise_project_name(std::string_view name) {
    std::string kept;
    for (char c : to_lower(name)) {
        bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (first || (!kept.empty() && (c == '-' || c == '_'))) kept += c;
    }
    return kept;
}

Result<std::string> check_project_name(std::string_view given) {
    std::string name = normalise_project_name(given);
    if (!name.empty() && name == given) return name;
    return fail(
        Error(Code::invalid_argument,
              "invalid project name \"" + std::string(given) +
                  "\": must consist only of lowercase alphanumeric characters, hyphens, and "
                  "underscores as well as start with a letter or number")
            .with_hint("--project-name " + (name.empty() ? "NAME" : name)));
}

Result<std::string> project_name(const LoadOptions& options, Files& files,
                                 Diagnostics& diagnostics) {
    Loader loader(options, files, diagnostics);
    return name_of(options, TRY(project_environment(options, files, loader)), loader);
}

Result<std::string> written_name(const LoadOptions& options, Files& files,
                                 Diagnostics& diagnostics) {
    Loader loader(options, files, diagnostics);
    return loader.name_in_files(TRY(project_environment(options, files, loader)));
}

Result<Project> load(const LoadOptions& options, Files& files, Diagnostics& diagnostics) {
    Loader loader(options, files, diagnostics);
    Project project;
    project.directory = options.directory;
    project.environment = TRY(project_environment(options, files, loader));
    project.name = TRY(name_of(options, project.environment, loader));
    project.environment["COMPOSE_PROJECT_NAME"] = project.name;
    project.profiles = profiles_of(options, project.environment);
    project.model = TRY(loader.model(options.files, options.directory, project.environment));
    if (project.model.fields.empty())
        return fail(Error(Code::invalid_argument, options.files[0] + ": empty compose file")
                        .with_hint("a compose file begins with services:"));
    if (project.model.find("services") == nullptr) project.model.set("services", Node::map());
    TRY(check_required(project.model, diagnostics));
    TRY(normalise(project.model, project.name, project.environment, diagnostics));
    part_profiles(project);
    TRY(check_consistency(project.model, project.disabled, diagnostics));
    if (!options.keep_unused) drop_unused(project.model);
    if (options.resolve_environment)
        TRY(resolve_environment(*project.model.find("services"), project.environment, files,
                                diagnostics));
    return project;
}

}  // namespace crank::compose
