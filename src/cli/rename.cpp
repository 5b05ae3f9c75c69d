#include "engine/rename.h"

#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr std::string_view kExamples[] = {"crank rename quiet_crane mail"};

Result<int> perform(Invocation& invocation) {
    const std::vector<std::string>& words = invocation.arguments.words();
    TRY(engine::rename(invocation.paths, words[0], words[1]));
    return 0;
}

}  // namespace

constinit const Verb kRename = {
    .name = "rename",
    .summary = "give a container another name",
    .group = Group::containers,
    .syntax = {.min_words = 2, .max_words = 2, .arguments = "CONTAINER NAME"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
