// A member of a JSON object by its text alone. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace crank::engine {

struct MemberPlace {
    std::size_t begin = 0, size = 0;  // of its value: "{...}"
};
// Of the outermost object, a member that is an object itself. Nothing: there is none, or the text
// is no object up to there. Whether the value is JSON inside nobody has looked.
std::optional<MemberPlace> find_object_member(std::string_view json, std::string_view key);

}  // namespace crank::engine
