#include "cli/format.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/template.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Json& row, std::string_view field) {
    auto it = row.find(std::string(field));
    if (it == row.end()) return "";
    return it->is_string() ? it->get<std::string>() : it->dump();
}

std::string default_table(std::span<const Column> columns, const std::vector<Json>& rows) {
    std::vector<std::string> header;
    for (const Column& column : columns)
        if (column.shown) header.emplace_back(column.heading);
    Table table(header);
    for (const Json& row : rows) {
        std::vector<std::string> cells;
        for (const Column& column : columns)
            if (column.shown) cells.push_back(cell(row, column.field));
        table.add(std::move(cells));
    }
    return table.text();
}

// What a "table TEMPLATE" is expanded over for its first line.
Json headings(std::span<const Column> columns) {
    Json names = Json::object();
    for (const Column& column : columns) names[std::string(column.field)] = column.heading;
    return names;
}

Result<std::string> template_table(std::string_view text, std::span<const Column> columns,
                                   const std::vector<Json>& rows) {
    Table table(split(TRY(expand_template(text, headings(columns))), '\t'));
    for (const Json& row : rows) table.add(split(TRY(expand_template(text, row)), '\t'));
    return table.text();
}

}  // namespace

Result<std::string> format_list(std::string_view format, std::span<const Column> columns,
                                const std::vector<Json>& rows) {
    if (format.empty() || format == "table") return default_table(columns, rows);
    if (format.starts_with("table "))
        return template_table(unescape_format(format.substr(6)), columns, rows);
    std::string text = unescape_format(format), out;
    for (const Json& row : rows)
        out += (format == "json" ? row.dump() : TRY(expand_template(text, row))) + "\n";
    return out;
}

Result<std::string> format_one(std::string_view format, const Json& value) {
    if (format == "json") return value.dump() + "\n";
    return TRY(expand_template(unescape_format(format), value)) + "\n";
}

}  // namespace crank::cli
