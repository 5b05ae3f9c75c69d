#include "compose/paths.h"

#include "compose/short_forms.h"

namespace crank::compose {
namespace {

// "docker-image://x", "https://...", "git@host:x", "service:x", "github.com/x".
bool is_foreign_context(std::string_view context) {
    return context.find("://") != std::string_view::npos || context.starts_with("git@") ||
           context.starts_with("github.com/") || context.starts_with("service:");
}

class Resolver {
public:
    Resolver(const std::string& directory, const std::string& home)
        : directory_(directory), home_(home) {}

    void document(Node& document) const {
        for (std::string_view kind : {"services", "jobs"})
            if (Node* services = document.find(kind))
                for (Field& field : services->fields) service(field.value);
        for (std::string_view kind : {"secrets", "configs"})
            if (Node* entries = document.find(kind))
                for (Field& field : entries->fields) path(field.value.find("file"));
        if (Node* volumes = document.find("volumes"))
            for (Field& field : volumes->fields) volume(field.value);
        if (Node* includes = document.find("include"))
            for (Node& entry : includes->items) include(entry);
    }

private:
    void path(Node* node) const {
        if (node == nullptr || !node->is_text() || node->text.empty()) return;
        if (node->text == "~" || node->text.starts_with("~/"))
            node->text = home_ + node->text.substr(1);
        // One that begins with a variable that nobody replaced stays.
        if (!node->text.starts_with('$')) node->text = join_path(directory_, node->text);
    }
    void paths(Node* list) const {
        if (list == nullptr) return;
        for (Node& item : list->items) path(&item);
    }
    void context(Node* node) const {
        if (node != nullptr && !is_foreign_context(node->text)) path(node);
    }
    void container(Node& node) const {
        if (Node* files = node.find("env_file"))
            for (Node& entry : files->items) path(entry.find("path"));
        paths(node.find("label_file"));
        if (Node* mounts = node.find("volumes"))
            for (Node& mount : mounts->items)
                if (mount.text_of("type") == "bind") path(mount.find("source"));
    }
    void service(Node& node) const {
        container(node);
        if (Node* build = node.find("build"); build != nullptr && build->is_map()) {
            context(build->find("context"));
            if (Node* others = build->find("additional_contexts"))
                for (Field& other : others->fields) context(&other.value);
            if (Node* keys = build->find("ssh"))
                for (Field& key : keys->fields) path(&key.value);
        }
        if (Node* worker = node.find("x-crank"))
            if (Node* native = worker->find("native")) path(native->find("directory"));
        if (Node* extends = node.find("extends")) path(extends->find("file"));
        if (Node* develop = node.find("develop"))
            if (Node* watches = develop->find("watch"))
                for (Node& watch : watches->items) path(watch.find("path"));
        if (Node* hooks = node.find("pre_start"))
            for (Node& hook : hooks->items) container(hook);
    }
    void volume(Node& node) const {
        Node* options = node.find("driver_opts");
        if (options != nullptr && node.text_of("driver") == "local" &&
            options->text_of("o") == "bind") {
            Node* device = options->find("device");
            if (device != nullptr && device->text.empty()) device->text = ".";
            path(device);
        }
    }
    void include(Node& entry) const {
        if (!entry.is_map()) return;
        if (Node* files = entry.find("path"))
            for (Node& file : files->items)
                if (!is_foreign_context(file.text)) path(&file);
        paths(entry.find("env_file"));
        path(entry.find("project_directory"));
    }

    const std::string& directory_;
    const std::string& home_;
};

}  // namespace

void resolve_paths(Node& document, const std::string& directory, const std::string& home) {
    Resolver(directory, home).document(document);
}

void default_contexts(Node& document, const std::string& directory) {
    for (std::string_view kind : {"services", "jobs"}) {
        Node* services = document.find(kind);
        if (services == nullptr) continue;
        for (Field& service : services->fields) {
            Node* build = service.value.find("build");
            if (build != nullptr && build->is_map() && build->find("context") == nullptr)
                build->set("context", Node::of_text(directory, build->at));
        }
    }
}

}  // namespace crank::compose
