#include "engine/csv.h"

namespace crank::engine {

Result<std::vector<std::string>> csv_fields(std::string_view text) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
            fields.back() += '"';
            ++i;
        } else if (c == '"' && (quoted || fields.back().empty())) {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            fields.emplace_back();
        } else if (static_cast<unsigned char>(c) < ' ') {
            return fail(Code::invalid_argument, "it holds a control character");
        } else {
            fields.back() += c;
        }
    }
    if (quoted) return fail(Code::invalid_argument, "a quote is not closed");
    return fields;
}

}  // namespace crank::engine
