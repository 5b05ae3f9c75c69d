// As much of TOML 1.0 as registries.conf(5) uses: tables, arrays of tables, texts, booleans, whole
// numbers, and lists of texts. Internal to registry and exchange, which reads storage.conf(5).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace crank::registry {

using TomlValue = std::variant<std::string, bool, std::int64_t, std::vector<std::string>>;

// One [table] or [[table]] in the order of the file; the first has no name.
struct TomlTable {
    std::vector<std::string> name;  // {"registry", "mirror"}
    bool of_array = false;          // [[name]]
    int line = 1;
    std::map<std::string, TomlValue> values;
};

// At most 1 MiB. Errors: invalid_argument with the line.
Result<std::vector<TomlTable>> parse_toml(std::string_view text);

}  // namespace crank::registry
