#include "compose/diagnostics.h"

#include <algorithm>

namespace crank::compose {
namespace {

// A file with a thousand unset variables says so in fewer lines.
constexpr std::size_t kMaxWarnings = 200;

}  // namespace

std::uint32_t Diagnostics::file(std::string_view name) {
    auto known = std::ranges::find(files_, name);
    if (known != files_.end()) return static_cast<std::uint32_t>(known - files_.begin());
    files_.emplace_back(name);
    return static_cast<std::uint32_t>(files_.size() - 1);
}

std::string Diagnostics::place(Position at) const {
    std::string text = at.file < files_.size() ? files_[at.file] : "compose file";
    if (at.line != 0) text += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    return text;
}

std::unexpected<Error> Diagnostics::error(Position at, std::string_view path, std::string_view what,
                                          std::string hint) const {
    std::string text = place(at) + ": ";
    if (!path.empty()) text += std::string(path) + ": ";
    Error error(Code::invalid_argument, text + std::string(what));
    return fail(hint.empty() ? std::move(error) : std::move(error).with_hint(std::move(hint)));
}

void Diagnostics::warn(Position at, std::string_view path, std::string_view what) {
    std::string text = place(at) + ": ";
    if (!path.empty()) text += std::string(path) + ": ";
    warn(text + std::string(what));
}

void Diagnostics::warn(std::string text) {
    if (warnings_.size() < kMaxWarnings && std::ranges::find(warnings_, text) == warnings_.end())
        warnings_.push_back(std::move(text));
}

}  // namespace crank::compose
