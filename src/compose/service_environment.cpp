#include "compose/dotenv.h"
#include "compose/finish.h"

namespace crank::compose {
namespace {

class Reading {
public:
    Reading(const Environment& environment, Files& files, Diagnostics& diagnostics)
        : environment_(environment), files_(files), diagnostics_(diagnostics) {}

    Result<void> container(Node& service, const std::string& path) {
        TRY(env_files(service, path));
        if (entries_ > kMaxProjectNodes)
            return diagnostics_.error(service.at, path,
                                      "the files of env_file hold more than " +
                                          std::to_string(kMaxProjectNodes) + " values");
        return label_files(service, path);
    }

private:
    Result<void> env_files(Node& service, const std::string& path) {
        Node* list = service.find("env_file");
        if (list == nullptr) return {};
        const Node* own = service.find("environment");
        Environment found;
        auto lookup = [&](std::string_view name) -> std::optional<std::string> {
            if (auto set = environment_.find(name); set != environment_.end()) return set->second;
            const Node* value = own == nullptr ? nullptr : own->find(name);
            if (value != nullptr && !value->is_null()) return scalar_text(*value);
            if (auto set = found.find(name); set != found.end()) return set->second;
            return std::nullopt;
        };
        for (const Node& entry : list->items) TRY(env_file(entry, path, lookup, found));
        service.erase("env_file");
        put_under(service, "environment", found, list->at);
        return {};
    }
    Result<void> env_file(const Node& entry, const std::string& path, const Lookup& lookup,
                          Environment& found) {
        std::string name = entry.text_of("path"), format = entry.text_of("format");
        const Node* required = entry.find("required");
        if (!files_.exists(name)) {
            if (required != nullptr && !required->flag) return {};
            return diagnostics_.error(entry.at, path + ".env_file", name + " does not exist");
        }
        if (!format.empty() && format != "raw")
            return diagnostics_.error(entry.at, path + ".env_file",
                                      "unknown format '" + format + "'; known is raw");
        TRY(read(name, format == "raw", lookup, found));
        return {};
    }
    Result<void> read(const std::string& name, bool raw, const Lookup& lookup, Environment& found) {
        std::string text = TRY(files_.read(name));
        auto unset = [&](std::string_view variable) {
            diagnostics_.warn("The \"" + std::string(variable) +
                              "\" variable is not set. Defaulting to a blank string.");
        };
        Environment values = raw ? TRY(parse_raw_env(text, name, lookup))
                                 : TRY(parse_dotenv(text, name, lookup, unset));
        for (auto& [key, value] : values) found[key] = std::move(value);
        return {};
    }
    Result<void> label_files(Node& service, const std::string& path) {
        Node* list = service.find("label_file");
        if (list == nullptr) return {};
        Environment found;
        auto lookup = [&](std::string_view name) -> std::optional<std::string> {
            auto set = found.find(name);
            if (set == found.end()) return std::nullopt;
            return set->second;
        };
        for (const Node& file : list->items) {
            if (!files_.exists(file.text))
                return diagnostics_.error(file.at, path + ".label_file",
                                          file.text + " does not exist");
            TRY(read(file.text, false, lookup, found));
        }
        put_under(service, "labels", found, list->at);
        return {};
    }
    // What stands in the service itself wins.
    void put_under(Node& service, std::string_view field, const Environment& values, Position at) {
        if (values.empty()) return;
        entries_ += values.size();
        if (service.find(field) == nullptr) service.set(field, Node::map(at));
        Node& own = *service.find(field);
        for (const auto& [name, value] : values)
            if (own.find(name) == nullptr) own.set(name, Node::of_text(value, at));
    }

    const Environment& environment_;
    Files& files_;
    Diagnostics& diagnostics_;
    std::size_t entries_ = 0;
};

}  // namespace

Result<void> resolve_environment(Node& services, const Environment& environment, Files& files,
                                 Diagnostics& diagnostics) {
    Reading reading(environment, files, diagnostics);
    for (Field& service : services.fields) {
        std::string path = "services." + service.key;
        TRY(reading.container(service.value, path));
        if (Node* hooks = service.value.find("pre_start"))
            for (Node& hook : hooks->items) TRY(reading.container(hook, path + ".pre_start"));
    }
    return {};
}

}  // namespace crank::compose
