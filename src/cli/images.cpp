// rmi, tag.
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
};
constexpr MissingFlag kRmiMissing[] = {{"no-prune", 0, false}};
constexpr std::string_view kRmiExamples[] = {"crank rmi crank-email-classifier:latest"};
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
            for (const std::string& line : TRY(store.remove(name))) {
                print_line(line);
                constexpr std::string_view kUntagged = "Untagged: ";
                bool untagged = line.starts_with(kUntagged);
                engine::note_image(invocation.paths, image->id.str(), untagged ? "untag" : "delete",
                                   untagged ? line.substr(kUntagged.size()) : name);
            }
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
    engine::note_image(invocation.paths, image.id.str(), "tag", reference.familiar());
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
