// Which containers a verb is for: those that are named, or by --all, --latest, --filter and
// --cidfile, as podman's verbs have them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/state.h"

namespace crank::cli {

// The lines of such a verb's table. --filter has its letter where the verb has no other use for it.
inline constexpr Flag kAllFlag{"all", 'a', FlagKind::boolean, "", "every container"};
inline constexpr Flag kLatestFlag{"latest", 'l', FlagKind::boolean, "", "the newest container"};
inline constexpr Flag kIgnoreFlag{"ignore", 'i', FlagKind::boolean, "",
                                  "one that is not there is no error"};
inline constexpr Flag kCidFileFlag{"cidfile", 0, FlagKind::list, "FILE",
                                   "the container whose id is in the file"};
inline constexpr Flag kChoiceFilterFlag{"filter", 0, FlagKind::list, "FILTER",
                                        "those that ps --filter shows"};
inline constexpr Flag kChoiceFilterLetterFlag{"filter", 'f', FlagKind::list, "FILTER",
                                              "those that ps --filter shows"};

// Which of all containers --all, --latest and a --filter alone mean.
using Suits = std::function<bool(const engine::State&)>;
bool any_state(const engine::State&);
bool lives(const engine::State&);     // it runs, or waits for its next start
bool is_ended(const engine::State&);  // it has an end, or was never started

struct Chosen {
    engine::Container container;
    std::string shown;  // as it was typed; else its whole id
};
using ChosenAction = std::function<Result<>(const Chosen&)>;

// In which order all of them are taken. What others need (a network to share, a database) was made
// before them.
enum class Order : std::uint8_t { newest_first, oldest_first };

// What it means that one that is named is not there.
enum class Presence : std::uint8_t {
    wanted,             // an error, unless --ignore
    may_be_absent,      // nothing
    told_as_minus_one,  // "-1" is printed
};
// Calls `action` for each; one that fails does not keep the others from being done, and the exit
// code says that something failed. Flags that the verb's table lacks count as not given. Errors:
// usage (nobody is named, or some and --all).
Result<int> for_each_chosen(Invocation& invocation, std::string_view verb, const Suits& suits,
                            const ChosenAction& action, Presence presence = Presence::wanted,
                            Order order = Order::newest_first);
// The one container of a verb with --latest: the newest, or that of the first word, which is taken
// out of `words`. Errors: usage; not_found.
Result<engine::Container> choose_one(Invocation& invocation, std::vector<std::string>& words);

}  // namespace crank::cli
