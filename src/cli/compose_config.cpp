// config: a project's compose files as one, checked and written out.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "cli/compose_files.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/project.h"
#include "cli/verbs.h"
#include "compose/select.h"
#include "compose/write.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"environment", 0, FlagKind::boolean, "", "only the variables that files are read with"},
    {"format", 0, FlagKind::value, "FORMAT", "yaml (the default) or json"},
    {"hash", 0, FlagKind::value, "SERVICE",
     "only what tells whether a service has changed; of several (a,b), of all (*)"},
    {"images", 0, FlagKind::boolean, "", "only the images' names"},
    {"models", 0, FlagKind::boolean, "", "only the models' names"},
    {"networks", 0, FlagKind::boolean, "", "only the networks' names"},
    {"no-env-resolution", 0, FlagKind::boolean, "", "leave env_file and label_file as they are"},
    {"no-interpolate", 0, FlagKind::boolean, "", "leave variables as they are"},
    {"output", 'o', FlagKind::value, "FILE", "write there, not to the standard output"},
    {"profiles", 0, FlagKind::boolean, "", "only the profiles' names"},
    {"quiet", 'q', FlagKind::boolean, "", "print nothing: the exit code says whether it is valid"},
    {"services", 0, FlagKind::boolean, "", "only the services' names"},
    {"variables", 0, FlagKind::boolean, "", "only the variables in the files, with their defaults"},
    {"volumes", 0, FlagKind::boolean, "", "only the volumes' names"},
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr std::string_view kDigests =
    "crank pull NAME prints an image's digest, and image: NAME@DIGEST holds it";
constexpr MissingFlag kMissing[] = {
    {"lock-image-digests", 0, false, kDigests},
    {"no-consistency", 0, false, "a file is always checked; crank config --no-interpolate"},
    {"no-normalize", 0, false, "crank config --no-interpolate leaves most as it stands"},
    {"no-path-resolution", 0, false, "paths are shown in full; crank config --no-interpolate"},
    {"resolve-image-digests", 0, false, kDigests},
};
constexpr std::string_view kExamples[] = {
    "crank config",
    "crank config web",
    "crank config -f compose.yaml -f compose.prod.yaml --profile debug",
    "crank config --format json | jq .services",
    "crank config -q && echo valid",
    "crank config --variables",
    "crank config --hash web",
};
// One of these at most, and then no file.
constexpr std::string_view kLists[] = {"services", "images",    "volumes", "networks",   "profiles",
                                       "models",   "variables", "hash",    "environment"};

std::vector<std::string> keys_of(const compose::Node* map) {
    std::vector<std::string> keys;
    if (map != nullptr)
        for (const compose::Field& field : map->fields) keys.push_back(field.key);
    std::ranges::sort(keys);
    return keys;
}

// What is built and has no name is called after project and service.
std::vector<std::string> images_of(const compose::Project& project) {
    std::vector<std::string> images;
    for (const std::string& name : keys_of(project.model.find("services"))) {
        std::string image = project.model.find("services")->find(name)->text_of("image");
        images.push_back(image.empty() ? project.name + "-" + name : image);
    }
    return images;
}

std::vector<std::string> profiles_of(const compose::Project& project) {
    std::set<std::string> names;
    for (const compose::Node* services : {project.model.find("services"), &project.disabled})
        for (const compose::Field& service : services->fields)
            if (const compose::Node* own = service.value.find("profiles"))
                for (const compose::Node& profile : own->items) names.insert(profile.text);
    return {names.begin(), names.end()};
}

// As `crank up` labels containers with.
Result<std::string> hashes_of(const compose::Project& project, const std::string& wanted) {
    compose::Diagnostics diagnostics;
    compose::TypedProject types = TRY(compose::typed(project, diagnostics));
    std::vector<std::string> names = split(wanted, ',');
    if (wanted == "*") names = keys_of(project.model.find("services"));
    std::string text;
    for (const std::string& name : names) {
        const compose::Service* service = types.find(name);
        if (service == nullptr)
            return fail(Error(Code::not_found, "no such service: " + name)
                            .with_hint("crank config --services"));
        text +=
            name + " " + deploy::config_hash(compose::identity(project, types, *service)) + "\n";
    }
    return text;
}

std::string environment_of(const compose::Project& project) {
    std::string text;
    for (const auto& [name, value] : project.environment) text += name + "=" + value + "\n";
    return text;
}

std::string variables_of(const compose::Project& project, const std::string& format) {
    compose::VariablesByName variables;
    collect_variables(project.model, variables);
    collect_variables(project.disabled, variables);
    if (format == "json") {
        auto json = nlohmann::json::object();
        for (const auto& [name, variable] : variables)
            json[name] = {{"name", name},
                          {"required", variable.required},
                          {"default", variable.otherwise},
                          {"alternate", variable.alternate}};
        return json.dump(2) + "\n";
    }
    Table table({"NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"});
    for (const auto& [name, variable] : variables)
        table.add(
            {name, variable.required ? "true" : "false", variable.otherwise, variable.alternate});
    return table.text();
}

Result<std::string> listed(const Arguments& arguments, const compose::Project& project,
                           std::string_view list) {
    if (list == "hash") return hashes_of(project, arguments.value("hash"));
    if (list == "environment") return environment_of(project);
    if (list == "variables") return variables_of(project, arguments.value("format"));
    std::vector<std::string> lines = list == "images"     ? images_of(project)
                                     : list == "profiles" ? profiles_of(project)
                                                          : keys_of(project.model.find(list));
    return lines.empty() ? "" : join(lines, "\n") + "\n";
}

// The list that was asked for, or nothing. Errors: usage (more than one).
Result<std::string_view> list_in(const Arguments& arguments) {
    std::string_view list;
    for (std::string_view name : kLists) {
        if (name == "hash" ? !arguments.has(name) : !arguments.on(name)) continue;
        if (!list.empty())
            return fail(Error(Code::usage, "--" + std::string(list) + " and --" +
                                               std::string(name) + " exclude each other")
                            .with_hint("leave out one of the two"));
        list = name;
    }
    return list;
}

compose::LoadOptions adapted(compose::LoadOptions options, const Arguments& arguments,
                             std::string_view list) {
    bool kept = arguments.on("no-interpolate") || list == "variables";
    if (kept) options.variables = compose::Variables::kept;
    options.keep_unused = list == "variables";
    options.resolve_environment =
        list == "hash" || (list.empty() && !kept && !arguments.on("no-env-resolution"));
    return options;
}

std::string whole(const compose::Project& project, const std::string& format, bool kept) {
    // Where variables stand as they were written there is nothing to escape.
    auto dollars = kept ? compose::Dollars::kept : compose::Dollars::doubled;
    if (format == "json")
        return compose::to_json(printable(project, compose::Format::json), dollars) + "\n";
    return compose::to_yaml(printable(project, compose::Format::yaml), dollars);
}

// A word that was meant as another verb: `crank config gte publish.address`.
Error with_settings(Error error) {
    std::string hint = error.hint();
    return std::move(error).with_hint(hint + (hint.ends_with('?') ? " " : "; ") +
                                      "crank's own settings: crank config get|set|unset|list");
}

Result<int> config(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string format = arguments.value("format", "yaml");
    if (format != "yaml" && format != "json")
        return fail(Code::usage, "unsupported format \"" + format + "\": yaml or json");
    std::string_view list = TRY(list_in(arguments));
    compose::LoadOptions options = adapted(TRY(find_compose_files(arguments)), arguments, list);
    std::optional<compose::Diagnostics> diagnostics;
    ProjectFiles files;
    auto project = load_model(options, arguments.words(), files, diagnostics);
    for (const std::string& warning : diagnostics->warnings()) warn(warning);
    if (!project) return fail(std::move(project.error()));
    if (!arguments.words().empty())
        if (auto chosen = select_services(*project, arguments.words()); !chosen)
            return fail(with_settings(std::move(chosen.error())));
    bool kept = options.variables == compose::Variables::kept;
    std::string text =
        list.empty() ? whole(*project, format, kept) : TRY(listed(arguments, *project, list));
    if (arguments.on("quiet")) return 0;
    if (auto file = arguments.find("output"))
        TRY(write_output(*file, 0644, text));
    else
        print(text);
    return 0;
}

}  // namespace

constinit const Verb kComposeConfig = {
    .name = "config",
    .summary = "check a compose file and print it whole",
    .group = Group::machine,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .max_words = kAnyWords,
               .arguments = "[SERVICE...]"},
    .examples = kExamples,
    .others = "settings of crank's own: crank config get, set, unset and list",
    .perform = config,
};

}  // namespace crank::cli
