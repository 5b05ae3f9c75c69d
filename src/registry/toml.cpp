#include "registry/toml.h"

#include "base/text.h"

namespace crank::registry {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

class Parser {
public:
    explicit Parser(std::string_view text) : rest_(text) {}

    Result<std::vector<TomlTable>> run() {
        std::vector<TomlTable> tables(1);
        for (skip_lines(); !rest_.empty(); skip_lines()) {
            if (rest_[0] == '[')
                tables.push_back(TRY(header()));
            else
                TRY(entry(tables.back()));
            TRY(end_of_line());
        }
        return tables;
    }

private:
    std::unexpected<Error> bad(const char* what) const {
        return fail(Code::invalid_argument, "line " + std::to_string(line_) + ": " + what);
    }
    bool take(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    void skip_blanks() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
    }
    void skip_comment() {
        if (rest_.starts_with('#')) rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    }
    // Blanks, comments and line ends.
    void skip_lines() {
        while (true) {
            skip_blanks();
            skip_comment();
            if (!take("\r\n") && !take("\n")) return;
            ++line_;
        }
    }
    Result<> end_of_line() {
        skip_blanks();
        skip_comment();
        if (rest_.empty()) return {};
        if (!take("\r\n") && !take("\n")) return bad("something stands after the value");
        ++line_;
        return {};
    }

    Result<std::string> quoted() {
        char quote = rest_[0];
        if (rest_.substr(0, 3) == std::string(3, quote))
            return bad("texts of several lines are not read");
        rest_.remove_prefix(1);
        std::string out;
        while (!rest_.empty() && rest_[0] != '\n') {
            char c = rest_[0];
            rest_.remove_prefix(1);
            if (c == quote) return out;
            // toml.io v1.0, "String": of the control characters a tab alone; a path would be cut.
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
                return bad("a text holds a control character");
            if (c == '\\' && quote == '"') {
                if (!rest_.starts_with('"') && !rest_.starts_with('\\'))
                    return bad("an escape other than \\\" and \\\\ is not read");
                c = rest_[0];
                rest_.remove_prefix(1);
            }
            out += c;
        }
        return bad("a text has no end");
    }
    Result<std::string> key() {
        skip_blanks();
        if (rest_.starts_with('"') || rest_.starts_with('\'')) return quoted();
        std::size_t n = 0;
        auto plain = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_';
        };
        while (n < rest_.size() && plain(rest_[n])) ++n;
        if (n == 0) return bad("a name is expected");
        std::string out(rest_.substr(0, n));
        rest_.remove_prefix(n);
        return out;
    }
    Result<TomlTable> header() {
        TomlTable table;
        table.line = line_;
        table.of_array = take("[[");
        if (!table.of_array) take("[");
        do {
            table.name.push_back(TRY(key()));
            skip_blanks();
        } while (take("."));
        if (!take(table.of_array ? "]]" : "]")) return bad("']' is missing");
        return table;
    }
    Result<> entry(TomlTable& table) {
        std::string name = TRY(key());
        skip_blanks();
        if (!take("=")) return bad("'=' is expected after the name");
        skip_blanks();
        if (!table.values.try_emplace(name, TRY(value())).second)
            return bad("the name stands twice in one table");
        return {};
    }
    Result<TomlValue> value() {
        if (rest_.starts_with('"') || rest_.starts_with('\'')) return TRY(quoted());
        if (take("[")) return TRY(list());
        if (take("true")) return true;
        if (take("false")) return false;
        std::size_t n = std::min(rest_.find_first_of(" \t\r\n#,]"), rest_.size());
        auto number = parse_int(rest_.substr(0, n));
        if (!number) return bad("a text, a list of texts, true, false or a number is expected");
        rest_.remove_prefix(n);
        return *number;
    }
    Result<std::vector<std::string>> list() {
        std::vector<std::string> out;
        for (skip_lines(); !take("]"); skip_lines()) {
            if (!rest_.starts_with('"') && !rest_.starts_with('\''))
                return bad("a text is expected in the list");
            out.push_back(TRY(quoted()));
            skip_lines();
            if (!take(",") && !rest_.starts_with(']')) return bad("',' or ']' is expected");
        }
        return out;
    }

    std::string_view rest_;
    int line_ = 1;
};

}  // namespace

Result<std::vector<TomlTable>> parse_toml(std::string_view text) {
    if (text.size() > kMaxFile) return fail(Code::invalid_argument, "it is larger than 1 MiB");
    return Parser(text).run();
}

}  // namespace crank::registry
