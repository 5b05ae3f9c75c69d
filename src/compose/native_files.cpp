#include "compose/native_files.h"

#include <algorithm>
#include <set>

#include "compose/service_reader.h"

namespace crank::compose {
namespace {

// `place`: what a target without a slash at its beginning is below, in a container.
struct FilesField {
    std::string_view field, place, variable;
};
constexpr FilesField kFields[] = {{"secrets", "/run/secrets/", kSecretsVariable},
                                  {"configs", "/", kConfigsVariable}};

std::string target_of(const Node& file, std::string_view place) {
    std::string target = file.text_of("target");
    if (target.empty()) target = file.text_of("source");
    return target.starts_with('/') ? target : std::string(place) + target;
}

class Check {
public:
    Check(const Node& service, const std::string& path, Diagnostics& diagnostics)
        : service_(service), path_(path), diagnostics_(diagnostics) {}

    Result<void> files(const FilesField& field) {
        std::set<std::string> names;
        for (const Node& file : items_of(service_, field.field)) {
            const std::string target = target_of(file, field.place),
                              name = native_file_name(target);
            const std::string where = "$" + std::string(field.variable) + "/" + name;
            if (name.empty() || name == "." || name == "..")
                return error(file.at, field.field, "its target " + target + " names no file");
            if (!names.insert(name).second)
                return error(file.at, field.field,
                             "two of them would be the one file " + where + " of a native worker");
            if (target != std::string(field.place) + name)
                warn(file.at, field.field,
                     "what a container has at " + target + " it finds at " + where);
            bool owned = file.find("uid") != nullptr || file.find("gid") != nullptr ||
                         file.find("mode") != nullptr;
            if (owned)
                warn(file.at, field.field,
                     "whatever uid, gid and mode say, " + where + " is the worker's own");
        }
        return {};
    }

    void variables(const NativeOptions& options) {
        if (items_of(service_, "secrets").empty()) return;
        for (const Field& variable : entries_of(service_, "environment")) {
            bool replaced = std::ranges::any_of(
                options.environment, [&](const auto& own) { return own.first == variable.key; });
            if (!replaced && variable.value.text.contains(kFields[0].place))
                warn(variable.at, "environment." + variable.key,
                     "its secrets are not in /run/secrets, but in $" +
                         std::string(kSecretsVariable));
        }
    }

private:
    void warn(Position at, std::string_view field, const std::string& why) {
        diagnostics_.warn(at, path_ + "." + std::string(field),
                          "a native worker goes without (x-crank.native): " + why);
    }
    std::unexpected<Error> error(Position at, std::string_view field, const std::string& why) {
        return diagnostics_.error(at, path_ + "." + std::string(field), why,
                                  "a target with a name of its own");
    }

    const Node& service_;
    const std::string& path_;
    Diagnostics& diagnostics_;
};

}  // namespace

std::string native_file_name(std::string_view target) {
    return std::string(target.substr(target.rfind('/') + 1));
}

Result<void> check_native_files(const Node& service, const std::string& path,
                                const NativeOptions& options, Diagnostics& diagnostics) {
    Check check(service, path, diagnostics);
    for (const FilesField& field : kFields) TRY(check.files(field));
    check.variables(options);
    return {};
}

}  // namespace crank::compose
