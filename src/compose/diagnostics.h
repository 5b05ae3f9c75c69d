// Where errors and warnings of compose files point to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compose/node.h"

namespace crank::compose {

class Diagnostics {
public:
    // The number by which positions name the file.
    std::uint32_t file(std::string_view name);
    const std::string& name_of(std::uint32_t file) const { return files_[file]; }

    // "compose.yaml:3:5"; the bare file's name where the position is none of the file's.
    std::string place(Position at) const;
    // "compose.yaml:3:5: services.web.ports: what"; `path` may be empty.
    std::unexpected<Error> error(Position at, std::string_view path, std::string_view what,
                                 std::string hint = {}) const;
    void warn(Position at, std::string_view path, std::string_view what);
    void warn(std::string text);

    const std::vector<std::string>& warnings() const { return warnings_; }

private:
    std::vector<std::string> files_;
    std::vector<std::string> warnings_;
};

}  // namespace crank::compose
