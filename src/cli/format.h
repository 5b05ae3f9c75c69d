// --format for lists and single objects.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

// A field of the rows. The default table shows the ones with `shown`.
struct Column {
    std::string_view field, heading;
    bool shown = true;
};

// Of rows: what {{.Label "NAME"}} asks; JSON leaves it out, since Labels says the same.
inline constexpr char kLabelField[] = "Label";

enum class Headings : std::uint8_t { shown, left_out };
// By the text of a column, the least first; `field` is a heading's or a field's name in any case,
// with blanks left out. Errors: usage (there is no such column).
Result<> sort_rows(std::string_view field, std::span<const Column> columns,
                   std::vector<nlohmann::ordered_json>& rows);

// `format` is empty or "table" (the columns), "json" (one object a line), "table TEMPLATE" (with
// headings) or a template, a line for each row. Errors: usage.
Result<std::string> format_list(std::string_view format, std::span<const Column> columns,
                                const std::vector<nlohmann::ordered_json>& rows,
                                Headings headings = Headings::shown);
// "json" or a template.
Result<std::string> format_one(std::string_view format, const nlohmann::ordered_json& value);

}  // namespace crank::cli
