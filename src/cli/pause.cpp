// pause and unpause.
#include "engine/pause.h"

#include "cli/each.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr std::string_view kPauseExamples[] = {"crank pause mail"};
constexpr std::string_view kUnpauseExamples[] = {"crank unpause mail"};

Result<int> perform_pause(Invocation& invocation) {
    return for_each(invocation, "pause", [&](const std::string& name) -> Result<> {
        TRY(engine::pause(invocation.paths, TRY(engine::find(invocation.paths, name))));
        print_line(name);
        return {};
    });
}

Result<int> perform_unpause(Invocation& invocation) {
    return for_each(invocation, "unpause", [&](const std::string& name) -> Result<> {
        TRY(engine::unpause(invocation.paths, TRY(engine::find(invocation.paths, name))));
        print_line(name);
        return {};
    });
}

}  // namespace

constinit const Verb kPause = {
    .name = "pause",
    .summary = "freeze every process of containers",
    .group = Group::containers,
    .syntax = {.min_words = 1, .max_words = kAnyWords, .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kPauseExamples,
    .rights = Rights::ids,
    .perform = perform_pause,
};
constinit const Verb kUnpause = {
    .name = "unpause",
    .summary = "let paused containers go on",
    .group = Group::containers,
    .syntax = {.min_words = 1, .max_words = kAnyWords, .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kUnpauseExamples,
    .rights = Rights::ids,
    .perform = perform_unpause,
};

}  // namespace crank::cli
