#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "store/store.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.State.Status}}"},
    {"type", 0, FlagKind::value, "container|image", "look for these alone"},
};
constexpr MissingFlag kMissing[] = {{"size", 's', false}};
constexpr std::string_view kExamples[] = {
    "crank inspect mail",
    "crank inspect -f '{{.State.ExitCode}}' mail",
    "crank inspect -f '{{(index (index .NetworkSettings.Ports \"8501/tcp\") 0).HostPort}}' mail",
};

Result<Json> inspect_image(const engine::Paths& paths, const std::string& name) {
    Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store && store.error().code() == Code::not_found)
        return fail(Code::not_found, "no such image: " + name);
    if (!store) return fail(std::move(store).error());
    store::Image image = TRY(store->find(name));
    Json described = describe_image(image);
    // "name@sha256:...": what registries call it
    Json digests = Json::array();
    for (const store::Store::Manifest& manifest : TRY(store->manifests_of(image.id))) {
        auto reference = oci::Reference::parse(manifest.repository + "@" + manifest.digest.str());
        if (reference) digests.push_back(reference->familiar());
    }
    described["RepoDigests"] = std::move(digests);
    return described;
}

Result<Json> inspect_one(const engine::Paths& paths, const std::string& name,
                         const std::string& type) {
    if (type == "image") return inspect_image(paths, name);
    Result<engine::Container> container = engine::find(paths, name);
    if (container) return describe_container(paths, *container);
    if (type == "container" || container.error().code() != Code::not_found)
        return fail(std::move(container).error());
    Result<Json> image = inspect_image(paths, name);
    if (!image && image.error().code() == Code::not_found)
        return fail(Error(Code::not_found, "no such container or image: " + name)
                        .with_hint("crank ps -a, crank images"));
    return image;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string format = arguments.value("format"), type = arguments.value("type");
    if (!type.empty() && type != "container" && type != "image")
        return fail(Code::usage, "--type " + type + ": container or image");
    Json all = Json::array();
    int code = 0;
    for (const std::string& name : arguments.words()) {
        Result<Json> one = inspect_one(invocation.paths, name, type);
        if (!one) {
            report("inspect", one.error(), invocation.debug);
            code = 1;
        } else if (format.empty()) {
            all.push_back(std::move(*one));
        } else {
            print(TRY(format_one(format, *one)));
        }
    }
    // Arguments and variables of workers may be any bytes.
    if (format.empty()) print_line(all.dump(4, ' ', false, Json::error_handler_t::replace));
    return code;
}

}  // namespace

constinit const Verb kInspect = {
    .name = "inspect",
    .summary = "print everything about containers or images",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "NAME [NAME...]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
