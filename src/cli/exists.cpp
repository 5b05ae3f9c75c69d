// container exists, image exists, volume exists: an answer for scripts, in the exit code alone.
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/volume.h"
#include "store/store.h"

namespace crank::cli {
namespace {

constexpr int kAbsent = 1;
constexpr int kNobodyKnows = 125;  // an error is not "no"

constexpr std::string_view kContainerExamples[] = {"crank container exists mail || echo none"};
constexpr std::string_view kImageExamples[] = {"crank image exists crank-worker-base:latest"};
constexpr std::string_view kVolumeExamples[] = {"crank volume exists models"};
constexpr Flag kContainerFlags[] = {
    {"external", 0, FlagKind::boolean, "", "as podman's: crank has no other containers"},
};

template <class T>
Result<int> answer(const Result<T>& found) {
    if (found) return 0;
    if (found.error().code() == Code::not_found) return kAbsent;
    return fail(found.error());
}

Result<int> perform_container(Invocation& invocation) {
    return answer(engine::find(invocation.paths, invocation.arguments.words()[0]));
}

Result<int> perform_image(Invocation& invocation) {
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (!store) return answer(store);
    return answer(store->find(invocation.arguments.words()[0]));
}

Result<int> perform_volume(Invocation& invocation) {
    return answer(engine::volumes::find(invocation.paths, invocation.arguments.words()[0]));
}

constexpr Syntax one(std::string_view what, std::span<const Flag> flags = {}) {
    return {.flags = flags, .min_words = 1, .max_words = 1, .arguments = what};
}

}  // namespace

constinit const Verb kContainerExists = {
    .name = "container exists",
    .summary = "exit with 0 if there is such a container, with 1 if not",
    .group = Group::containers,
    .syntax = one("CONTAINER", kContainerFlags),
    .examples = kContainerExamples,
    .engine_failure = kNobodyKnows,
    .perform = perform_container,
};
constinit const Verb kImageExists = {
    .name = "image exists",
    .summary = "exit with 0 if there is such an image, with 1 if not",
    .group = Group::images,
    .syntax = one("IMAGE"),
    .examples = kImageExamples,
    .engine_failure = kNobodyKnows,
    .perform = perform_image,
};
constinit const Verb kVolumeExists = {
    .name = "volume exists",
    .summary = "exit with 0 if there is such a volume, with 1 if not",
    .group = Group::containers,
    .syntax = one("VOLUME"),
    .examples = kVolumeExamples,
    .engine_failure = kNobodyKnows,
    .rights = Rights::ids,
    .perform = perform_volume,
};

}  // namespace crank::cli
