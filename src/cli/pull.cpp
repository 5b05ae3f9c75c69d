// pull, push.
#include "transfer/pull.h"

#include "cli/content_trust.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/push.h"
#include "cli/storage_limit.h"
#include "cli/transfer_progress.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "engine/local/prepare.h"
#include "transfer/push.h"

namespace crank::cli {
namespace {

constexpr Flag kPullFlags[] = {
    {"platform", 0, FlagKind::value, "OS/ARCH[/VARIANT]",
     "of an image for several (this machine's)"},
    {"policy", 0, FlagKind::value, "always|missing|never|newer",
     "whether to ask the registry (always)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's name alone"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr MissingFlag kPullMissing[] = {{"all-tags", 'a', false, "crank pull NAME:TAG for each"},
                                        {"disable-content-trust", 0, false, kNoContentTrust}};
constexpr Flag kPushFlags[] = {
    {"compression-format", 0, FlagKind::value, "gzip|zstd",
     "of the layers (gzip, and what came from a registry as it came)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the digest's line alone"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr MissingFlag kPushMissing[] = {
    {"all-tags", 'a', false, "crank push NAME:TAG for each"},
    {"disable-content-trust", 0, false, kNoContentTrust},
    {"platform", 0, true, "an image is of one platform: leave it out"}};
constexpr std::string_view kPullExamples[] = {
    "crank pull python:3.11-slim",
    "crank pull registry.example:5000/team/worker:1.2",
    "crank pull --platform linux/arm64 python:3.11-slim",
};
constexpr std::string_view kPushExamples[] = {
    "crank tag crank-email-classifier registry.example/team/email-classifier:1.2",
    "crank push registry.example/team/email-classifier:1.2",
    "crank push --compression-format zstd registry.example/team/email-classifier:1.2",
};

// Whether it is here, where a registry is to be asked; nothing: it is here, and that is enough.
Result<std::optional<bool>> look_here(PullPolicy policy, store::Store& store,
                                      const std::string& typed, const oci::Reference& reference) {
    if (policy == PullPolicy::always) return std::optional(false);
    auto found = store.find(reference.str());
    if (!found && found.error().code() != Code::not_found) return fail(std::move(found).error());
    if (policy == PullPolicy::newer || (policy == PullPolicy::missing && !found))
        return std::optional(found.has_value());
    if (found) return std::nullopt;
    return fail(
        Error(Code::not_found, "no such image: " + typed).with_hint("leave out --policy never"));
}

// Nothing: what is here was enough.
Result<std::optional<transfer::Pulled>> pull_by_policy(const Invocation& invocation,
                                                       const std::string& typed,
                                                       const oci::Reference& reference) {
    const Arguments& arguments = invocation.arguments;
    PullPolicy policy = TRY(parse_pull_policy(arguments.value("policy", "always"), "policy"));
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    std::optional<bool> here = TRY(look_here(policy, store, typed, reference));
    if (!here) return std::nullopt;
    // The last copy of the progress goes before anything else is printed.
    transfer::Connection connection{TRY(find_crank_net()),
                                    arguments.find_switch("tls-verify").value_or(true),
                                    make_transfer_progress(Direction::pull, arguments.on("quiet"))};
    auto pulled = transfer::pull(store, connection, typed, arguments.value("platform"));
    if (pulled) return std::optional(std::move(*pulled));
    TRY(or_what_is_here(fail(std::move(pulled).error()), typed, *here));
    return std::nullopt;
}

Result<int> perform_pull(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const std::string& typed = arguments.words()[0];
    oci::Reference reference = TRY(oci::Reference::parse(typed));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    std::optional<transfer::Pulled> pulled = TRY(pull_by_policy(invocation, typed, reference));
    if (!pulled) {
        print_line(reference.str());
        return 0;
    }
    engine::note_image(invocation.paths, pulled->digest.str(), "pull", reference.familiar());
    if (auto alias = engine::local::alias_of(config, typed))
        warn(typed + " still stands for " + *alias + " (alias in the configuration)");
    if (!arguments.on("quiet")) {
        print_line("Digest: " + pulled->digest.str());
        print_line((pulled->up_to_date ? "Status: Image is up to date for "
                                       : "Status: Downloaded newer image for ") +
                   reference.familiar());
    }
    print_line(reference.str());
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

}  // namespace

Result<> check_pushable(const engine::Config& config, const std::string& typed,
                        const oci::Reference& reference) {
    if (reference.digest)
        return fail(Error(Code::usage, "a push needs a tag: " + typed + " holds a digest")
                        .with_hint("crank tag " + typed + " REGISTRY/NAME:TAG"));
    if (auto alias = engine::local::alias_of(config, typed))
        return fail(Error(Code::failed_precondition, typed + " stands for " + *alias +
                                                         " here, which is not what its name says")
                        .with_hint("crank tag " + *alias + " REGISTRY/NAME:TAG"));
    bool official = reference.domain == "docker.io" && reference.repository.starts_with("library/");
    if (official || reference.domain == "localhost")
        return fail(
            Error(Code::failed_precondition, reference.familiar() + " names no registry of yours")
                .with_hint("crank tag " + reference.familiar() +
                           " REGISTRY/NAME:TAG, and "
                           "push that"));
    return {};
}

namespace {

Result<transfer::PushOptions> push_options(const Arguments& arguments) {
    std::string format = arguments.value("compression-format");
    if (format.empty()) return transfer::PushOptions{};
    if (format == "gzip") return transfer::PushOptions{store::Compression::gzip};
    if (format == "zstd") return transfer::PushOptions{store::Compression::zstd};
    return fail(
        Error(Code::usage, "--compression-format " + format + ": crank writes gzip and zstd")
            .with_hint("--compression-format zstd"));
}

}  // namespace

Result<transfer::Pushed> push_image(const engine::Paths& paths, store::Store& store,
                                    const oci::Reference& reference, const PushHow& how) {
    transfer::Pushed pushed;
    {
        // The last copy of the progress goes before anything else is printed.
        transfer::Connection connection{TRY(find_crank_net()), how.tls_verify,
                                        make_transfer_progress(Direction::push, how.quiet)};
        if (!how.quiet) note("the push refers to repository " + reference.name());
        pushed = TRY(transfer::push(store, connection, reference.str(), reference, how.options));
    }
    if (pushed.recompressed)
        warn(
            "the layers were compressed again: the digest is not the one that the image came with");
    engine::note_image(paths, pushed.digest.str(), "push", reference.familiar());
    return pushed;
}

namespace {

Result<int> perform_push(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const std::string& typed = arguments.words()[0];
    oci::Reference reference = TRY(oci::Reference::parse(typed));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    TRY(check_pushable(config, typed, reference));
    transfer::PushOptions options = TRY(push_options(arguments));
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    PushHow how{options, arguments.find_switch("tls-verify").value_or(true), arguments.on("quiet")};
    transfer::Pushed pushed = TRY(push_image(invocation.paths, store, reference, how));
    print_line(reference.tag + ": digest: " + pushed.digest.str() +
               " size: " + std::to_string(pushed.size));
    return 0;
}

}  // namespace

constinit const Verb kPull = {
    .name = "pull",
    .summary = "get an image from a registry",
    .group = Group::images,
    .syntax = {.flags = kPullFlags,
               .missing = kPullMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "NAME[:TAG|@DIGEST]"},
    .examples = kPullExamples,
    .rights = Rights::required,
    .perform = perform_pull,
};
constinit const Verb kPush = {
    .name = "push",
    .summary = "send an image to a registry",
    .group = Group::images,
    .syntax = {.flags = kPushFlags,
               .missing = kPushMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "NAME[:TAG]"},
    .examples = kPushExamples,
    .rights = Rights::ids,
    .perform = perform_push,
};

}  // namespace crank::cli
