// rmi, tag, untag.
#include <algorithm>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "oci/reference.h"
#include "store/store.h"

namespace crank::cli {
namespace {

constexpr Flag kRmiFlags[] = {
    {"force", 'f', FlagKind::boolean, "",
     "also if containers that have ended use it; one that is not there is no error"},
    {"all", 'a', FlagKind::boolean, "", "every image"},
    {"ignore", 'i', FlagKind::boolean, "", "one that is not there is no error"},
};
constexpr MissingFlag kRmiMissing[] = {
    {"no-prune", 0, false, "leave it out: crank keeps no untagged parents"},
    {"platform", 0, true, "an image is of one platform: crank rmi ID"}};
constexpr std::string_view kRmiExamples[] = {"crank rmi crank-email-classifier:latest"};
constexpr std::string_view kUntagExamples[] = {
    "crank untag crank-worker-base", "crank untag crank-worker-base crank-worker-base:1.0"};
constexpr std::string_view kTagExamples[] = {"crank tag crank-worker-base crank-worker-base:1.0"};
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

// Under the names that go with it: by its id, forced, all that it has.
Result<std::vector<std::string>> names_to_remove(const store::Image& image,
                                                 const std::string& typed, bool whole) {
    bool by_id = oci::looks_like_id(typed) &&
                 image.id.hex().starts_with(typed.substr(typed.starts_with("sha256:") ? 7 : 0));
    if (!whole || !by_id || image.tags.size() < 2) return std::vector{typed};
    return image.tags;
}

Result<> remove_name(const engine::Paths& paths, store::Store& store, const store::Image& image,
                     const std::string& name) {
    for (const std::string& line : TRY(store.remove(name))) {
        print_line(line);
        constexpr std::string_view kUntagged = "Untagged: ";
        bool untagged = line.starts_with(kUntagged);
        engine::note_image(paths, image.id.str(), untagged ? "untag" : "delete",
                           untagged ? line.substr(kUntagged.size()) : name);
    }
    return {};
}

Result<> remove_image(Invocation& invocation, store::Store& store, const std::string& typed) {
    const Arguments& arguments = invocation.arguments;
    bool force = arguments.on("force"), all = arguments.on("all");
    Result<store::Image> image = store.find(typed);
    bool absent = !image && image.error().code() == Code::not_found;
    if (absent && (force || all || arguments.on("ignore"))) return {};
    if (!image) return fail(std::move(image).error());
    std::vector<std::string> names = TRY(names_to_remove(*image, typed, force || all));
    store::Image named = *image;
    named.tags.resize(std::min(named.tags.size(), std::size_t{1}));
    TRY(check_unused(invocation.paths, names.size() > 1 ? named : *image, force));
    for (const std::string& name : names) TRY(remove_name(invocation.paths, store, *image, name));
    return {};
}

Result<int> perform_rmi(Invocation& invocation) {
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    std::vector<std::string> names = invocation.arguments.words();
    bool all = invocation.arguments.on("all");
    if (all != names.empty())
        return fail(Error(Code::usage, all ? "--all and images by name are alternatives"
                                           : "not enough arguments, wanted: IMAGE [IMAGE...], or "
                                             "--all")
                        .with_hint("crank rmi --help"));
    if (all)
        for (const store::Image& image : TRY(store.list())) names.push_back(image.id.str());
    int code = 0;
    for (const std::string& name : names)
        if (Result<> done = remove_image(invocation, store, name); !done) {
            report("rmi", done.error(), invocation.debug);
            code = 1;
        }
    return code;
}

Result<oci::Reference> parse_tag(const std::string& text) {
    oci::Reference reference = TRY(oci::Reference::parse(text));
    if (reference.digest)
        return fail(Code::invalid_argument, "a tag cannot name a digest: " + text);
    return reference;
}

Result<int> perform_tag(Invocation& invocation) {
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    const std::vector<std::string>& words = invocation.arguments.words();
    store::Image image = TRY(store.find(words[0]));
    std::vector<oci::Reference> names;
    for (std::size_t i = 1; i < words.size(); ++i) names.push_back(TRY(parse_tag(words[i])));
    for (const oci::Reference& name : names) {
        TRY(store.tag(name, image.id));
        engine::note_image(invocation.paths, image.id.str(), "tag", name.familiar());
    }
    return 0;
}

// The image's own name that `typed` means: as it is, or localhost's.
Result<oci::Reference> own_name(const store::Image& image, const std::string& typed) {
    oci::Reference reference = TRY(parse_tag(typed));
    for (const std::string& name : {reference.str(), "localhost/" + reference.familiar()})
        if (std::ranges::find(image.tags, name) != image.tags.end())
            return oci::Reference::parse(name);
    return fail(Error(Code::not_found, "image " + image.id.short_hex() + " is not called " + typed)
                    .with_hint("crank image tree " + image.id.short_hex()));
}

Result<int> perform_untag(Invocation& invocation) {
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    const std::vector<std::string>& words = invocation.arguments.words();
    store::Image image = TRY(store.find(words[0]));
    std::vector<oci::Reference> names;
    for (std::size_t i = 1; i < words.size(); ++i) names.push_back(TRY(own_name(image, words[i])));
    if (words.size() == 1)
        for (const std::string& tag : image.tags) names.push_back(TRY(oci::Reference::parse(tag)));
    for (const oci::Reference& name : names) {
        TRY(store.untag(name));
        engine::note_image(invocation.paths, image.id.str(), "untag", name.familiar());
    }
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

constinit const Verb kRmi = {
    .name = "rmi",
    .summary = "remove images",
    .group = Group::images,
    .syntax = words(kRmiFlags, 0, kAnyWords, "IMAGE [IMAGE...]", kRmiMissing),
    .examples = kRmiExamples,
    .rights = Rights::ids,
    .perform = perform_rmi,
};
constinit const Verb kTag = {
    .name = "tag",
    .summary = "give an image other names",
    .group = Group::images,
    .syntax = words({}, 2, kAnyWords, "IMAGE NAME[:TAG] [NAME[:TAG]...]"),
    .examples = kTagExamples,
    .perform = perform_tag,
};
constinit const Verb kUntag = {
    .name = "untag",
    .summary = "take names of an image away, all of them unless some are given; the image stays",
    .group = Group::images,
    .syntax = words({}, 1, kAnyWords, "IMAGE [NAME[:TAG]...]"),
    .examples = kUntagExamples,
    .perform = perform_untag,
};

}  // namespace crank::cli
