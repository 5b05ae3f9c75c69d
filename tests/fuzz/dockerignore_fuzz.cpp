// A .dockerignore from anybody; the last line is the path to match.
#include <string_view>

#include "dockerfile/ignore.h"
#include "fuzz_support.h"

using crank::dockerfile::IgnoreMatcher;
using crank::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t cut = text.rfind('\n');
    if (cut == std::string_view::npos) return 0;
    auto matcher = IgnoreMatcher::parse(text.substr(0, cut), ".dockerignore");
    if (!matcher) return 0;
    std::string_view path = text.substr(cut + 1);
    bool excluded = matcher->excluded(path);
    if (path.ends_with('/')) return 0;
    // A directory may be left out of the walk only if nothing below it is wanted.
    for (std::size_t i = path.find('/'); i != std::string_view::npos; i = path.find('/', i + 1)) {
        require(i == 0 || path[i - 1] == '/' || !matcher->prune(path.substr(0, i)) || excluded);
    }
    return 0;
}
