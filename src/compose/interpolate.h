// Variables in a compose file's values: $X ${X} ${X:-d} ${X-d} ${X:?e} ${X?e} ${X:+r} ${X+r} $$.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "compose/diagnostics.h"

namespace crank::compose {

using Environment = std::map<std::string, std::string, std::less<>>;
using Lookup = std::function<std::optional<std::string>(std::string_view)>;

// `unset` hears of variables without a value and without a default, which become nothing.
// Errors (invalid_argument, without a place): a required variable that is missing, a brace that is
// not closed, a name that is none, a result of more than 1 MiB.
Result<std::string> interpolate(std::string_view text, const Lookup& lookup,
                                const std::function<void(std::string_view)>& unset);

// A variable that a file has, by all places that have it.
struct Variable {
    bool required = false;             // ${X:?e}
    std::string otherwise, alternate;  // the first ${X:-d} and ${X:+r}, as they are written
};
using VariablesByName = std::map<std::string, Variable, std::less<>>;
// Of all texts of a node. Of what is no variable nothing is said: interpolate does.
void collect_variables(const Node& node, VariablesByName& found);

// All texts of a node, not its keys. Errors name the place.
Result<void> interpolate(Node& node, const Environment& environment, Diagnostics& diagnostics);

}  // namespace crank::compose
