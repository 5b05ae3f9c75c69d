#include <nlohmann/json.hpp>

#include "cli/choice.h"
#include "cli/describe.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/volume.h"
#include "engine/lifecycle.h"
#include "engine/volume.h"
#include "oci/reference.h"
#include "store/store.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.State.Status}}"},
    {"type", 0, FlagKind::value, "container|image|volume", "look for these alone"},
    kLatestFlag,
};
constexpr MissingFlag kMissing[] = {
    {"size", 's', false, "crank ps --all --size"},
    {"platform", 0, true, "an image is of one platform, which is shown"}};
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
    described["Digest"] = "";
    for (const store::Store::Manifest& manifest : TRY(store->manifests_of(image.id))) {
        described["Digest"] = manifest.digest.str();
        auto reference = oci::Reference::parse(manifest.repository + "@" + manifest.digest.str());
        if (reference) digests.push_back(reference->familiar());
    }
    described["RepoDigests"] = std::move(digests);
    return described;
}

// What its registry calls the image that it was made from; empty: none, or the image is gone.
std::string image_digest(const engine::Paths& paths, const std::string& id) {
    auto store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store) return "";
    auto image = store->find(id);
    if (!image) return "";
    auto manifests = store->manifests_of(image->id);
    return manifests && !manifests->empty() ? manifests->front().digest.str() : "";
}

Json inspect_container(const engine::Paths& paths, const engine::Container& container) {
    Json described = describe_container(paths, container);
    // podman's names
    auto reference = oci::Reference::parse(container.record.image);
    described["ImageName"] = reference ? reference->familiar() : container.record.image;
    described["ImageDigest"] = image_digest(paths, container.record.image_id);
    return described;
}

Result<Json> inspect_any(const engine::Paths& paths, const std::string& name) {
    Result<engine::Container> container = engine::find(paths, name);
    if (container) return inspect_container(paths, *container);
    if (container.error().code() != Code::not_found) return fail(std::move(container).error());
    Result<Json> image = inspect_image(paths, name);
    bool absent = !image && (image.error().code() == Code::not_found ||
                             image.error().code() == Code::invalid_argument);
    if (!absent) return image;
    if (auto volume = engine::volumes::find(paths, name)) return describe_volume(paths, *volume);
    if (image.error().code() == Code::invalid_argument) return image;
    return fail(Error(Code::not_found, "no such container, image or volume: " + name)
                    .with_hint("crank ps -a, crank images, crank volume ls"));
}

Result<Json> inspect_one(const engine::Paths& paths, const std::string& name,
                         const std::string& type) {
    if (type == "image") return inspect_image(paths, name);
    if (type == "volume") return describe_volume(paths, TRY(engine::volumes::find(paths, name)));
    if (type == "container") return inspect_container(paths, TRY(engine::find(paths, name)));
    return inspect_any(paths, name);
}

Result<> check_type(const std::string& type) {
    for (const char* known : {"", "all", "container", "image", "volume"})
        if (type == known) return {};
    return fail(Code::usage, "--type " + type + ": container, image or volume");
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string format = arguments.value("format"), type = arguments.value("type");
    TRY(check_type(type));
    std::vector<std::string> names = arguments.words();
    if (arguments.on("latest")) names = {TRY(choose_one(invocation, names)).record.id};
    if (names.empty())
        return fail(Code::usage, "not enough arguments, wanted: NAME [NAME...], or --latest");
    Json all = Json::array();
    int code = 0;
    for (const std::string& name : names) {
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
    .summary = "print everything about containers, images or volumes",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .max_words = kAnyWords,
               .arguments = "NAME [NAME...]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
