#include "engine/native/environment.h"

#include <algorithm>

#include "engine/project_labels.h"
#include "sys/system.h"

namespace crank::engine::native {
namespace {

constexpr std::string_view kKept[] = {"HOME",  "LANG",   "LANGUAGE", "LOGNAME", "PATH",
                                      "SHELL", "TMPDIR", "TZ",       "USER"};

}  // namespace

std::vector<std::string> surrounding_environment(const std::map<std::string, std::string>& labels) {
    std::vector<std::string> all = sys::environment();
    if (!labels.contains(std::string(kProjectLabel))) return all;
    std::erase_if(all, [](const std::string& variable) {
        std::string_view name = std::string_view(variable).substr(0, variable.find('='));
        return !name.starts_with("LC_") && std::ranges::find(kKept, name) == std::end(kKept);
    });
    return all;
}

}  // namespace crank::engine::native
