#include "compose/interpolate.h"

#include "base/text.h"
#include "compose/yaml.h"

namespace crank::compose {
namespace {

bool starts_name(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool goes_on(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

std::size_t name_length(std::string_view text) {
    if (text.empty() || !starts_name(text[0])) return 0;
    std::size_t length = 1;
    while (length < text.size() && goes_on(text[length])) length++;
    return length;
}

// Where the brace that opens at text[0] closes.
std::size_t closing(std::string_view text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '{') open++;
        if (text[i] == '}' && --open == 0) return i;
    }
    return std::string_view::npos;
}

class Interpolator {
public:
    Interpolator(const Lookup& lookup, const std::function<void(std::string_view)>& unset)
        : lookup_(lookup), unset_(unset) {}

    Result<std::string> expand(std::string_view text) {
        if (++depth_ > kMaxDepth)
            return fail(Code::invalid_argument, "variables nested deeper than 64 levels");
        std::string out;
        while (!text.empty()) {
            std::size_t dollar = text.find('$');
            out += text.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            text.remove_prefix(dollar + 1);
            out += TRY(after_dollar(text));
            if (out.size() > kMaxFileBytes)
                return fail(Code::invalid_argument, "the value becomes larger than 1 MiB");
        }
        depth_--;
        return out;
    }

private:
    // Takes what it read off `text`.
    Result<std::string> after_dollar(std::string_view& text) {
        if (text.starts_with('$')) {
            text.remove_prefix(1);
            return "$";
        }
        if (std::size_t length = name_length(text)) {
            std::string_view name = text.substr(0, length);
            text.remove_prefix(length);
            return plain(name);
        }
        if (!text.starts_with('{')) return "$";
        std::size_t end = closing(text);
        if (end == std::string_view::npos)
            return fail(
                Error(Code::invalid_argument, "'$" + std::string(text) + "' has no closing brace")
                    .with_hint("write $$ for a dollar sign"));
        std::string_view inside = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        return braced(inside);
    }

    Result<std::string> plain(std::string_view name) {
        auto value = lookup_(name);
        if (!value) unset_(name);
        return value.value_or("");
    }

    Result<std::string> braced(std::string_view inside) {
        std::size_t length = name_length(inside);
        std::string_view name = inside.substr(0, length), rest = inside.substr(length);
        if (length != 0 && rest.empty()) return plain(name);
        bool colon = rest.starts_with(':');
        if (colon) rest.remove_prefix(1);
        if (length == 0 || rest.empty() ||
            std::string_view("-?+").find(rest[0]) == std::string_view::npos)
            return fail(
                Error(Code::invalid_argument, "'${" + std::string(inside) + "}' is not a variable")
                    .with_hint("write $$ for a dollar sign"));
        auto value = lookup_(name);
        bool is_set = value.has_value() && !(colon && value->empty());
        std::string_view word = rest.substr(1);
        if (rest[0] == '+') return is_set ? expand(word) : Result<std::string>(std::string());
        if (is_set) return *value;
        if (rest[0] == '-') return expand(word);
        std::string why = TRY(expand(word));
        return fail(Code::invalid_argument, "required variable " + std::string(name) +
                                                " is missing a value" +
                                                (why.empty() ? "" : ": " + why));
    }

    const Lookup& lookup_;
    const std::function<void(std::string_view)>& unset_;
    std::size_t depth_ = 0;
};

// Those of a text, and of the words behind ":-", ":+" and ":?".
void collect_in(std::string_view text, VariablesByName& found, std::size_t depth) {
    if (depth > kMaxDepth) return;
    for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$')) {
        text.remove_prefix(at + 1);
        if (text.starts_with('$')) {
            text.remove_prefix(1);
            continue;
        }
        if (std::size_t length = name_length(text)) {
            found[std::string(text.substr(0, length))];
            continue;
        }
        std::size_t end = text.starts_with('{') ? closing(text) : std::string_view::npos;
        std::size_t length = end == std::string_view::npos ? 0 : name_length(text.substr(1));
        if (length == 0) continue;
        Variable& variable = found[std::string(text.substr(1, length))];
        std::string_view rest = text.substr(1 + length, end - 1 - length);
        text.remove_prefix(end + 1);
        if (rest.starts_with(':')) rest.remove_prefix(1);
        if (rest.empty()) continue;
        std::string_view word = rest.substr(1);
        if (rest[0] == '?') variable.required = true;
        std::string* kept = rest[0] == '-'   ? &variable.otherwise
                            : rest[0] == '+' ? &variable.alternate
                                             : nullptr;
        if (kept != nullptr && kept->empty()) *kept = word;
        collect_in(word, found, depth + 1);
    }
}

class Walk {
public:
    Walk(const Environment& environment, Diagnostics& diagnostics)
        : diagnostics_(diagnostics),
          lookup_([&environment](std::string_view name) -> std::optional<std::string> {
              auto found = environment.find(name);
              if (found == environment.end()) return std::nullopt;
              return found->second;
          }) {}

    Result<void> node(Node& node, const std::string& path) {
        if (node.is_text() && node.text.find('$') != std::string::npos) return text(node, path);
        for (std::size_t i = 0; i < node.items.size(); i++)
            TRY(this->node(node.items[i], path + "[" + std::to_string(i) + "]"));
        for (Field& field : node.fields)
            TRY(this->node(field.value, path.empty() ? field.key : path + "." + field.key));
        return {};
    }

private:
    Result<void> text(Node& node, const std::string& path) {
        auto unset = [&](std::string_view name) {
            diagnostics_.warn("The \"" + std::string(name) +
                              "\" variable is not set. Defaulting to a blank string.");
        };
        auto value = interpolate(node.text, lookup_, unset);
        if (!value) {
            const Error& error = value.error();
            return diagnostics_.error(node.at, path, error.message(), error.hint());
        }
        total_ += value->size();
        if (total_ > 16 * kMaxFileBytes)
            return diagnostics_.error(node.at, path, "the variables' values exceed 16 MiB");
        node.text = std::move(*value);
        return {};
    }

    Diagnostics& diagnostics_;
    Lookup lookup_;
    std::size_t total_ = 0;
};

}  // namespace

Result<std::string> interpolate(std::string_view text, const Lookup& lookup,
                                const std::function<void(std::string_view)>& unset) {
    return Interpolator(lookup, unset).expand(text);
}

void collect_variables(const Node& node, VariablesByName& found) {
    if (node.is_text()) collect_in(node.text, found, 0);
    for (const Node& item : node.items) collect_variables(item, found);
    for (const Field& field : node.fields) collect_variables(field.value, found);
}

Result<void> interpolate(Node& node, const Environment& environment, Diagnostics& diagnostics) {
    return Walk(environment, diagnostics).node(node, "");
}

}  // namespace crank::compose
