#include "deploy/file_owner.h"

#include "base/text.h"

namespace crank::deploy {

Result<std::optional<std::uint32_t>> parse_owner(const std::string& text, std::string_view what) {
    if (text.empty()) return std::optional<std::uint32_t>();
    auto number = parse_int(text);
    constexpr std::int64_t kMost = 0xfffffffe;
    if (!number || *number < 0 || *number > kMost)
        return fail(Code::invalid_argument,
                    std::string(what) + " \"" + text + "\": a number is wanted");
    return std::optional(static_cast<std::uint32_t>(*number));
}

}  // namespace crank::deploy
