#include "compose/loader.h"

#include <algorithm>

#include "base/text.h"
#include "compose/dotenv.h"
#include "compose/merge.h"
#include "compose/paths.h"
#include "compose/short_forms.h"
#include "compose/yaml.h"

namespace crank::compose {
namespace {

constexpr std::size_t kMaxModels = 1000;  // the same file included twice counts twice
constexpr std::size_t kMaxChain = 32;     // of includes in includes, of services that extend

bool is_remote(std::string_view path) {
    return path.starts_with("oci://") || path.starts_with("git@") || path.starts_with("https://") ||
           path.starts_with("http://") || path.starts_with("ssh://") || path.starts_with("git://");
}

std::string directory_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Takes out of `target` what `tags` resets or replaces.
void take_tagged(Node& target, const Node& tags) {
    for (const Field& field : tags.fields) {
        if (field.value.tag != Tag::none)
            target.erase(field.key);
        else if (Node* inner = target.find(field.key))
            take_tagged(*inner, field.value);
    }
}

// Docker reads those of an extended file only where they are extended.
Node without_empty_services(Node document) {
    if (Node* services = document.find("services"))
        std::erase_if(services->fields, [](const Field& field) { return field.value.is_null(); });
    return document;
}

// What came on two ways is there once: its lists would grow.
void drop_known(Node& project, const Node& document) {
    for (Field& kind : project.fields) {
        const Node* known = document.find(kind.key);
        if (known == nullptr) continue;
        std::erase_if(kind.value.fields, [&](const Field& resource) {
            const Node* same = known->find(resource.key);
            return same != nullptr && *same == resource.value;
        });
    }
}

}  // namespace

std::string Loader::shown(const std::string& path) const {
    std::string prefix = options_.directory + "/";
    return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

Result<std::string> Loader::read(const std::string& path, Position at, std::string_view field) {
    auto text = files_.read(path);
    if (text) return text;
    if (at.line == 0) return text;
    return fail(
        std::move(text.error()).with_context(diagnostics_.place(at) + ": " + std::string(field)));
}

Result<Environment> Loader::environment(const std::vector<std::string>& env_files,
                                        const Environment& outer) {
    Environment found;
    for (const std::string& path : env_files) {
        std::string text = TRY(read(path, {}, ""));
        auto lookup = [&](std::string_view name) -> std::optional<std::string> {
            if (auto set = outer.find(name); set != outer.end()) return set->second;
            if (auto set = found.find(name); set != found.end()) return set->second;
            return std::nullopt;
        };
        auto unset = [&](std::string_view name) {
            diagnostics_.warn("The \"" + std::string(name) +
                              "\" variable is not set. Defaulting to a blank string.");
        };
        for (auto& [name, value] : TRY(parse_dotenv(text, shown(path), lookup, unset)))
            found[name] = std::move(value);
    }
    for (const auto& [name, value] : outer) found[name] = value;
    return found;
}

Result<const std::vector<Node>*> Loader::documents(const std::string& path) {
    auto known = documents_.find(path);
    if (known != documents_.end()) return &known->second;
    if (documents_.size() == kMaxFiles)
        return fail(Code::invalid_argument,
                    shown(path) + ": more than " + std::to_string(kMaxFiles) + " compose files");
    std::string text = TRY(read(path, {}, ""));
    std::vector<Node> nodes = TRY(parse_yaml(text, diagnostics_.file(shown(path)), diagnostics_));
    return &documents_.emplace(path, std::move(nodes)).first->second;
}

Result<std::string> Loader::name_in_files(const Environment& environment) {
    Node name;
    for (const std::string& path : options_.files)
        for (const Node& document : *TRY(documents(path)))
            if (const Node* given = document.find("name"); given != nullptr && given->is_text())
                name = *given;
    if (options_.variables == Variables::replaced)
        TRY(interpolate(name, environment, diagnostics_));
    return name.text;
}

Result<void> Loader::spend(const Node& node) {
    nodes_ += count_nodes(node);
    if (nodes_ <= kMaxProjectNodes) return {};
    return diagnostics_.error(node.at, "",
                              "the files become more than " + std::to_string(kMaxProjectNodes) +
                                  " values when they are put together");
}

Result<Node> Loader::prepared(Node document, const Environment& environment) {
    TRY(spend(document));
    if (options_.variables == Variables::replaced)
        TRY(interpolate(document, environment, diagnostics_));
    TRY(canonicalise(document, options_.variables, diagnostics_));
    return document;
}

Result<Node> Loader::model(const std::vector<std::string>& paths, const std::string& directory,
                           const Environment& environment, std::vector<std::string> including) {
    Node merged = Node::map();
    for (const std::string& path : paths) {
        Place place{path, directory, environment};
        including.push_back(path);
        const std::vector<Node>& nodes = *TRY(documents(path));
        for (const Node& node : nodes) {
            Node document = TRY(prepared(node, environment));
            resolve_paths(document, directory, options_.home);
            TRY(include(document, place, including));
            take_tagged(merged, document);
            TRY(extend_all(document, place));
            TRY(merge_project(merged, std::move(document), diagnostics_));
            drop_doubles(merged, project_schema());
        }
        including.pop_back();
    }
    settle_tags(merged);
    default_contexts(merged, directory);
    return merged;
}

Result<void> Loader::include(Node& document, const Place& place,
                             const std::vector<std::string>& including) {
    const Node* entries = document.find("include");
    if (entries == nullptr) return {};
    Node base = Node::map(document.at);
    for (const Node& entry : entries->items) {
        Node project = TRY(included(entry, place, including));
        for (std::string_view own : {"name", "include"}) project.erase(own);
        std::erase_if(project.fields, [](const Field& f) { return f.key.starts_with("x-"); });
        drop_known(project, base);
        // What was included first counts more, and what the file has itself most.
        TRY(merge_project(project, std::move(base), diagnostics_));
        base = std::move(project);
    }
    document.erase("include");
    drop_known(base, document);
    TRY(merge_project(base, std::move(document), diagnostics_));
    document = std::move(base);
    return {};
}

Result<Node> Loader::included(const Node& entry, const Place& place,
                              const std::vector<std::string>& including) {
    const Node* paths = entry.find("path");
    std::vector<std::string> files;
    if (paths == nullptr) return diagnostics_.error(entry.at, "include", "names no file");
    for (const Node& path : paths->items) {
        if (is_remote(path.text))
            return diagnostics_.error(path.at, "include",
                                      "'" + path.text + "' is remote, and crank includes files");
        files.push_back(path.text);
        if (std::ranges::find(including, path.text) != including.end() ||
            including.size() > kMaxChain)
            return diagnostics_.error(path.at, "include", shown(path.text) + " includes itself");
        if (!files_.exists(path.text))
            return diagnostics_.error(path.at, "include", shown(path.text) + " does not exist");
    }
    if (files.empty()) return diagnostics_.error(entry.at, "include", "names no file");
    if (++models_ > kMaxModels)
        return diagnostics_.error(entry.at, "include", "includes more than 1000 files");
    std::string directory = entry.text_of("project_directory");
    if (directory.empty()) directory = directory_of(files[0]);
    std::vector<std::string> env_files;
    if (const Node* given = entry.find("env_file"); given != nullptr && !given->items.empty()) {
        for (const Node& file : given->items)
            if (file.text != "/dev/null") env_files.push_back(file.text);
    } else if (files_.exists(directory + "/.env")) {
        env_files.push_back(directory + "/.env");
    }
    Environment environment = TRY(this->environment(env_files, place.environment));
    return model(files, directory, environment, including);
}

Result<void> Loader::extend_all(Node& document, const Place& place) {
    for (std::string_view kind : {"services", "jobs"}) {
        Node* services = document.find(kind);
        if (services == nullptr) continue;
        for (std::size_t i = 0; i < services->fields.size(); i++) {
            std::string name = services->fields[i].key;
            std::vector<std::string> chain;
            Node whole = TRY(extended(*services, name, place, chain));
            services->fields[i].value = std::move(whole);
        }
    }
    return {};
}

// The service with what it extends under it.
Result<Node> Loader::extended(Node& services, const std::string& name, const Place& place,
                              std::vector<std::string>& chain) {
    Node service = *services.find(name);
    const Node* extends = service.find("extends");
    if (extends == nullptr || !extends->is_map()) return service;
    std::string link = shown(place.path) + ":" + name;
    bool again = std::ranges::find(chain, link) != chain.end();
    if (again || chain.size() > kMaxChain)
        return diagnostics_.error(extends->at, "services." + name + ".extends",
                                  "extends itself: " + join(chain, " -> ") + " -> " + link);
    chain.push_back(link);
    Node whole = TRY(base_of(services, name, *extends, place, chain));
    chain.pop_back();
    service.erase("extends");
    Tag tag = service.tag;
    TRY(merge_object(whole, std::move(service), service_schema(), diagnostics_));
    whole.tag = tag;
    TRY(spend(whole));
    drop_doubles(whole, service_schema());
    return whole;
}

Result<Node> Loader::base_of(Node& services, const std::string& service, const Node& extends,
                             const Place& place, std::vector<std::string>& chain) {
    std::string wanted = extends.text_of("service"), file = extends.text_of("file");
    std::string path = "services." + service + ".extends";
    const Node* given = extends.find("file");
    if (given != nullptr && given->is_text() && file.empty())
        return diagnostics_.error(extends.at, path, "the file has no name");
    if (file.empty()) {
        if (services.find(wanted) == nullptr)
            return diagnostics_.error(extends.at, path,
                                      "no service '" + wanted + "' in " + shown(place.path));
        return extended(services, wanted, place, chain);
    }
    if (is_remote(file))
        return diagnostics_.error(extends.at, path,
                                  "'" + file + "' is remote, and crank extends files");
    if (!files_.exists(file))
        return diagnostics_.error(extends.at, path, shown(file) + " does not exist");
    if (++models_ > kMaxModels)
        return diagnostics_.error(extends.at, path, "extends services of more than 1000 files");
    std::string directory = directory_of(file);
    Node other = Node::map();
    const std::vector<Node>& nodes = *TRY(documents(file));
    for (const Node& node : nodes) {
        Node document = TRY(prepared(without_empty_services(node), place.environment));
        resolve_paths(document, directory, options_.home);
        // Its tags are for what its services extend in turn.
        if (other.fields.empty())
            other = std::move(document);
        else
            TRY(merge_project(other, std::move(document), diagnostics_));
    }
    Node* theirs = other.find("services");
    if (theirs == nullptr || theirs->find(wanted) == nullptr)
        return diagnostics_.error(extends.at, path,
                                  "no service '" + wanted + "' in " + shown(file));
    Node base = TRY(extended(*theirs, wanted, {file, directory, place.environment}, chain));
    settle_tags(base);
    return base;
}

}  // namespace crank::compose
