// images, rmi, tag.
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "oci/reference.h"
#include "store/store.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kImagesFlags[] = {
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
    {"no-trunc", 0, FlagKind::boolean, "", "nothing is shortened"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Repository}}"},
};
constexpr MissingFlag kImagesMissing[] = {
    {"all", 'a', false}, {"digests", 0, false}, {"filter", 'f', true}, {"tree", 0, false}};
constexpr Flag kRmiFlags[] = {
    {"force", 'f', FlagKind::boolean, "",
     "also if containers that have ended use it; one that is not there is no error"},
};
constexpr MissingFlag kRmiMissing[] = {{"no-prune", 0, false}};
constexpr std::string_view kImagesExamples[] = {
    "crank images", "crank images --format '{{.Repository}}:{{.Tag}} {{.Size}}'"};
constexpr std::string_view kRmiExamples[] = {"crank rmi crank-email-classifier:latest"};
constexpr std::string_view kTagExamples[] = {"crank tag crank-worker-base crank-worker-base:1.0"};
constexpr Column kColumns[] = {
    {"Repository", "REPOSITORY"},
    {"Tag", "TAG"},
    {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},
    {"Size", "SIZE"},
    {"CreatedAt", "CREATED AT", false},
    {"Digest", "DIGEST", false},
    {"Containers", "CONTAINERS", false},
};

// When it came to this machine: the time inside a reproducible image says nothing about it.
std::int64_t added_ns(const store::Image& image) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(image.added.time_since_epoch())
        .count();
}

Json row_of(const store::Image& image, const std::string& repository, const std::string& tag,
            bool whole) {
    return {{"Repository", repository},
            {"Tag", tag},
            {"ID", whole ? image.id.str() : image.id.short_hex()},
            {"CreatedSince", age_text(added_ns(image)) + " ago"},
            {"CreatedAt", time_text(added_ns(image))},
            {"Size", format_size(image.size)},
            {"Digest", "<none>"},
            {"Containers", "N/A"}};
}

Result<int> perform_images(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::vector<store::Image> images;
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (store)
        images = TRY(store->list());
    else if (store.error().code() != Code::not_found)
        return fail(std::move(store).error());
    std::string wanted = arguments.words().empty() ? "" : arguments.words()[0];
    bool whole = arguments.on("no-trunc");
    std::vector<Json> rows;
    for (const store::Image& image : images) {
        if (image.tags.empty() && wanted.empty())
            rows.push_back(row_of(image, "<none>", "<none>", whole));
        for (const std::string& tag : image.tags) {
            oci::Reference reference = TRY(oci::Reference::parse(tag));
            std::string name = reference.familiar_name();
            if (wanted.empty() || wanted == name || wanted == reference.familiar())
                rows.push_back(row_of(image, name, reference.tag, whole));
        }
    }
    if (arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["ID"].get<std::string>());
        return 0;
    }
    print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

// A container runs from the layers themselves: removing them under it would break it.
Result<> check_unused(const engine::Paths& paths, const store::Image& image, bool force) {
    if (image.tags.size() > 1) return {};
    for (const engine::Container& container : TRY(engine::list(paths))) {
        bool ended = engine::is_at_rest(container.state);
        if (container.record.image_id != image.id.str() || (ended && force)) continue;
        return fail(Error(Code::in_use, "image " + container.record.image +
                                            " is used by container " + container.record.name)
                        .with_hint("crank rm -f " + container.record.name));
    }
    return {};
}

Result<int> perform_rmi(Invocation& invocation) {
    bool force = invocation.arguments.on("force");
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        auto one = [&]() -> Result<> {
            Result<store::Image> image = store.find(name);
            if (!image && force && image.error().code() == Code::not_found) return {};
            if (!image) return fail(std::move(image).error());
            TRY(check_unused(invocation.paths, *image, force));
            for (const std::string& line : TRY(store.remove(name))) print_line(line);
            return {};
        };
        if (Result<> done = one(); !done) {
            report("rmi", done.error(), invocation.debug);
            code = 1;
        }
    }
    return code;
}

Result<int> perform_tag(Invocation& invocation) {
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    store::Image image = TRY(store.find(invocation.arguments.words()[0]));
    oci::Reference reference = TRY(oci::Reference::parse(invocation.arguments.words()[1]));
    if (reference.digest)
        return fail(Code::invalid_argument,
                    "a tag cannot name a digest: " + invocation.arguments.words()[1]);
    TRY(store.tag(reference, image.id));
    return 0;
}

constexpr Syntax words(std::span<const Flag> flags, std::size_t least, std::size_t most,
                       std::string_view arguments, std::span<const MissingFlag> missing = {}) {
    return {.flags = flags,
            .missing = missing,
            .min_words = least,
            .max_words = most,
            .arguments = arguments};
}

}  // namespace

constinit const Verb kImages = {
    .name = "images",
    .summary = "list the images",
    .group = Group::images,
    .syntax = words(kImagesFlags, 0, 1, "[NAME[:TAG]]", kImagesMissing),
    .examples = kImagesExamples,
    .perform = perform_images,
};
constinit const Verb kRmi = {
    .name = "rmi",
    .summary = "remove images",
    .group = Group::images,
    .syntax = words(kRmiFlags, 1, kAnyWords, "IMAGE [IMAGE...]", kRmiMissing),
    .examples = kRmiExamples,
    .rights = Rights::ids,
    .perform = perform_rmi,
};
constinit const Verb kTag = {
    .name = "tag",
    .summary = "give an image another name",
    .group = Group::images,
    .syntax = words({}, 2, 2, "IMAGE NAME[:TAG]"),
    .examples = kTagExamples,
    .perform = perform_tag,
};

}  // namespace crank::cli
