// pause and unpause.
#include "engine/pause.h"

#include "cli/choice.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr Flag kPauseFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "every container that runs"},
    kLatestFlag,
    kCidFileFlag,
    kChoiceFilterLetterFlag,
};
constexpr Flag kUnpauseFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "every container that is paused"},
    kLatestFlag,
    kCidFileFlag,
    kChoiceFilterLetterFlag,
};
constexpr std::string_view kPauseExamples[] = {"crank pause mail"};
constexpr std::string_view kUnpauseExamples[] = {"crank unpause mail", "crank unpause --all"};

bool is_awake(const engine::State& state) { return lives(state) && !state.paused; }
bool is_paused(const engine::State& state) { return state.paused; }

Result<int> perform_pause(Invocation& invocation) {
    return for_each_chosen(invocation, "pause", is_awake, [&](const Chosen& chosen) -> Result<> {
        TRY(engine::pause(invocation.paths, chosen.container));
        print_line(chosen.shown);
        return {};
    });
}

Result<int> perform_unpause(Invocation& invocation) {
    return for_each_chosen(invocation, "unpause", is_paused, [&](const Chosen& chosen) -> Result<> {
        TRY(engine::unpause(invocation.paths, chosen.container));
        print_line(chosen.shown);
        return {};
    });
}

}  // namespace

constinit const Verb kPause = {
    .name = "pause",
    .summary = "freeze every process of containers",
    .group = Group::containers,
    .syntax = {.flags = kPauseFlags,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kPauseExamples,
    .rights = Rights::ids,
    .perform = perform_pause,
};
constinit const Verb kUnpause = {
    .name = "unpause",
    .summary = "let paused containers go on",
    .group = Group::containers,
    .syntax = {.flags = kUnpauseFlags,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kUnpauseExamples,
    .rights = Rights::ids,
    .perform = perform_unpause,
};

}  // namespace crank::cli
