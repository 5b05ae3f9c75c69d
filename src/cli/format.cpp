#include "cli/format.h"

#include <algorithm>
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
Json names_of(std::span<const Column> columns) {
    Json names = Json::object();
    for (const Column& column : columns) names[std::string(column.field)] = column.heading;
    names[kLabelField] = Json::object();
    return names;
}

std::string without_first_line(std::string text) {
    std::size_t end = text.find('\n');
    return end == std::string::npos ? "" : text.substr(end + 1);
}

std::string json_of(Json row) {
    row.erase(kLabelField);
    return row.dump();
}

std::string bare(std::string_view text) {
    std::string word = to_lower(text);
    std::erase(word, ' ');
    return word;
}

Result<std::string> template_table(std::string_view text, std::span<const Column> columns,
                                   const std::vector<Json>& rows) {
    Table table(split(TRY(expand_template(text, names_of(columns))), '\t'));
    for (const Json& row : rows) table.add(split(TRY(expand_template(text, row)), '\t'));
    return table.text();
}

}  // namespace

Result<> sort_rows(std::string_view field, std::span<const Column> columns,
                   std::vector<Json>& rows) {
    std::vector<std::string> known;
    for (const Column& column : columns) {
        known.push_back(bare(column.field));
        if (bare(field) != bare(column.field) && bare(field) != bare(column.heading)) continue;
        // Equal ones stay in their order.
        std::vector<std::pair<std::string, std::size_t>> order;
        for (std::size_t i = 0; i < rows.size(); ++i)
            order.emplace_back(cell(rows[i], column.field), i);
        std::ranges::sort(order);
        std::vector<Json> sorted;
        for (const auto& [key, i] : order) sorted.push_back(std::move(rows[i]));
        rows = std::move(sorted);
        return {};
    }
    return fail(Error(Code::usage, "--sort " + std::string(field) + ": there is no such column")
                    .with_hint(join(known, ", ")));
}

Result<std::string> format_list(std::string_view format, std::span<const Column> columns,
                                const std::vector<Json>& rows, Headings headings) {
    bool table = format.empty() || format == "table";
    if (table || format.starts_with("table ")) {
        std::string text =
            table ? default_table(columns, rows)
                  : TRY(template_table(unescape_format(format.substr(6)), columns, rows));
        return headings == Headings::shown ? text : without_first_line(std::move(text));
    }
    std::string text = unescape_format(format), out;
    for (const Json& row : rows)
        out += (format == "json" ? json_of(row) : TRY(expand_template(text, row))) + "\n";
    return out;
}

Result<std::string> format_one(std::string_view format, const Json& value) {
    if (format == "json") return value.dump() + "\n";
    return TRY(expand_template(unescape_format(format), value)) + "\n";
}

}  // namespace crank::cli
