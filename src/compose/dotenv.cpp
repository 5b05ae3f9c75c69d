#include "compose/dotenv.h"

#include <algorithm>

#include "base/text.h"

namespace crank::compose {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'; }
bool is_space(char c) { return is_blank(c) || c == '\n'; }
bool in_name(char c) {
    auto byte = static_cast<unsigned char>(c);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '[' || c == ']' || byte >= 0x80;
}

std::string_view skip_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text[0])) text.remove_prefix(1);
    return text;
}

// What \x stands for in a value in double quotes; 0 where it is left as it is.
char escaped(char c) {
    switch (c) {
        case 'a': return '\a';
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'v': return '\v';
        case '\\': return '\\';
        case '"': return '"';
        default: return 0;
    }
}

// "\$" becomes "$$", which interpolation makes a dollar sign of.
std::string expand_escapes(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] != '\\' || next == '\0') {
            out += text[i];
        } else if (next == '$') {
            out += "$$";
            i++;
        } else if (char meant = escaped(next)) {
            out += meant;
            i++;
        } else {
            out += text[i];
        }
    }
    return out;
}

class Parser {
public:
    Parser(std::string_view text, std::string_view name, const Lookup& lookup,
           const std::function<void(std::string_view)>& unset)
        : rest_(text), name_(name), lookup_(lookup), unset_(unset) {}

    Result<Environment> parse() {
        while (skip_to_statement()) {
            TRY(statement());
            if (found_.size() > kMaxEntries)
                return error("more than " + std::to_string(kMaxEntries) + " variables");
        }
        return std::move(found_);
    }

private:
    std::unexpected<Error> error(const std::string& what) const {
        return fail(Code::invalid_argument,
                    std::string(name_) + ":" + std::to_string(line_) + ": " + what);
    }
    void take(std::size_t count) {
        line_ += static_cast<std::size_t>(std::ranges::count(rest_.substr(0, count), '\n'));
        rest_.remove_prefix(std::min(count, rest_.size()));
    }
    bool skip_to_statement() {
        while (!rest_.empty()) {
            if (is_space(rest_[0])) {
                take(1);
            } else if (rest_[0] == '#') {
                take(std::min(rest_.find('\n'), rest_.size()));
            } else {
                return true;
            }
        }
        return false;
    }
    Result<void> statement() {
        if (rest_.starts_with("export") && rest_.size() > 6 && is_blank(rest_[6]))
            rest_ = skip_blanks(rest_.substr(6));
        std::size_t end = rest_.find_first_of("=:\n");
        std::string_view key = rest_.substr(0, end);
        while (!key.empty() && is_space(key.back())) key.remove_suffix(1);
        TRY(check_key(key));
        bool alone = end == std::string_view::npos || rest_[end] == '\n';
        std::string name(key);
        take(end == std::string_view::npos ? rest_.size() : end + 1);
        if (alone) {
            if (auto value = lookup_(name)) found_[name] = *value;
            return {};
        }
        rest_ = skip_blanks(rest_);
        std::string value = TRY(this->value());
        found_[name] = std::move(value);
        return {};
    }
    Result<void> check_key(std::string_view key) const {
        if (key.empty()) return error("a line without a name before '='");
        for (char c : key) {
            if (c == ' ' || c == '\t') return error("key cannot contain a space");
            if (!in_name(c))
                return error("unexpected character \"" + std::string(1, c) +
                             "\" in variable name \"" + std::string(key) + "\"");
        }
        return {};
    }
    Result<std::string> value() {
        if (rest_.starts_with('"') || rest_.starts_with('\'')) return quoted(rest_[0]);
        std::string_view value = rest_.substr(0, rest_.find('\n'));
        std::size_t whole = value.size();
        value = value.substr(0, value.find(" #"));
        while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
        auto expanded = expand(value);
        take(whole);
        return expanded;
    }
    Result<std::string> quoted(char quote) {
        std::string out;
        for (std::size_t i = 1; i < rest_.size(); i++) {
            if (rest_[i] == quote) {
                auto value = quote == '"' ? expand(expand_escapes(out)) : Result<std::string>(out);
                take(i + 1);
                return value;
            }
            if (rest_[i] == '\\' && i + 1 < rest_.size()) {
                i++;
                // Of the escapes only that of the quote is taken off here.
                if (rest_[i] != quote) out += '\\';
            }
            out += rest_[i];
        }
        return error("unterminated quoted value " + std::string(rest_.substr(0, rest_.find('\n'))));
    }
    Result<std::string> expand(std::string_view text) const {
        auto value = interpolate(
            text,
            [this](std::string_view name) -> std::optional<std::string> {
                if (auto outer = lookup_(name)) return outer;
                auto above = found_.find(name);
                if (above == found_.end()) return std::nullopt;
                return above->second;
            },
            unset_);
        if (!value) return error(value.error().message());
        return value;
    }

    std::string_view rest_, name_;
    const Lookup& lookup_;
    const std::function<void(std::string_view)>& unset_;
    std::size_t line_ = 1;
    Environment found_;
};

Result<void> check_size(std::string_view text, std::string_view name) {
    if (text.size() > kMaxEnvFileBytes)
        return fail(Code::invalid_argument, std::string(name) + " is larger than 1 MiB");
    if (text.find('\0') != std::string_view::npos)
        return fail(Code::invalid_argument, std::string(name) + " holds a NUL character");
    return {};
}

}  // namespace

Result<Environment> parse_dotenv(std::string_view text, std::string_view name, const Lookup& lookup,
                                 const std::function<void(std::string_view)>& unset) {
    TRY(check_size(text, name));
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    return Parser(text, name, lookup, unset).parse();
}

Result<Environment> parse_raw_env(std::string_view text, std::string_view name,
                                  const Lookup& lookup) {
    TRY(check_size(text, name));
    Environment found;
    std::size_t number = 0;
    for (std::string line : split(text, '\n')) {
        number++;
        if (line.ends_with('\r')) line.pop_back();
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.starts_with('#')) continue;
        std::size_t equals = line.find('=');
        std::string key = line.substr(0, equals);
        if (key.empty() || key.find_first_of(" \t") != std::string::npos)
            return fail(Code::invalid_argument, std::string(name) + ":" + std::to_string(number) +
                                                    ": wants NAME=VALUE or NAME");
        auto value = equals == std::string::npos ? lookup(key) : line.substr(equals + 1);
        if (!value) continue;
        if (found.size() == kMaxEntries)
            return fail(Code::invalid_argument, std::string(name) + ": more than " +
                                                    std::to_string(kMaxEntries) + " variables");
        found[key] = std::move(*value);
    }
    return found;
}

}  // namespace crank::compose
