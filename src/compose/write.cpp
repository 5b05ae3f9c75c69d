#include "compose/write.h"

#include <algorithm>

#include "base/text.h"

namespace crank::compose {
namespace {

std::string as_json(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "\"";
    for (char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\t': out += "\\t"; break;
            case '\r': out += "\\r"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                    out += std::string("\\u00") + kHex[(c >> 4) & 15] + kHex[c & 15];
                else
                    out += c;
        }
    }
    return out + "\"";
}

std::string scalar_json(const Node& node) {
    if (node.is_null()) return "null";
    return node.is_text() ? as_json(node.text) : scalar_text(node);
}

void write_json(const Node& node, const std::string& indent, std::string& out) {
    bool empty = node.items.empty() && node.fields.empty();
    if (node.is_scalar()) {
        out += scalar_json(node);
    } else if (empty) {
        out += node.is_list() ? "[]" : "{}";
    } else {
        std::string inner = indent + "  ", separator = "\n";
        out += node.is_list() ? '[' : '{';
        for (const Node& item : node.items) {
            out += separator + inner;
            write_json(item, inner, out);
            separator = ",\n";
        }
        for (const Field& field : node.fields) {
            out += separator + inner + as_json(field.key) + ": ";
            write_json(field.value, inner, out);
            separator = ",\n";
        }
        out += "\n" + indent + (node.is_list() ? ']' : '}');
    }
}

// Whether a reader of YAML 1.1 or 1.2 takes the text for nothing but that text.
bool is_plain(const std::string& text) {
    constexpr std::string_view kSafe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+:=, ()$~^;<>";
    if (text.empty() || text.find_first_not_of(kSafe) != std::string::npos) return false;
    char first = text.front();
    bool word = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/' ||
                first == '_' || first == '$';
    if (!word || text.ends_with(' ') || text.ends_with(':') || text.contains(": ")) return false;
    constexpr std::string_view kMeaning[] = {"true", "false", "null", "yes", "no",
                                             "on",   "off",   "y",    "n"};
    return std::ranges::find(kMeaning, to_lower(text)) == std::end(kMeaning);
}

std::string scalar_yaml(const Node& node) {
    if (node.is_text() && is_plain(node.text)) return node.text;
    return scalar_json(node);
}

std::string key_yaml(const std::string& key) { return is_plain(key) ? key : as_json(key); }

// `begun`: the line has something already, such as "- ".
void write_yaml(const Node& node, const std::string& indent, bool begun, std::string& out) {
    for (const Node& item : node.items) {
        if (!begun) out += indent;
        begun = false;
        out += "- ";
        bool inside = !item.is_scalar() && !(item.items.empty() && item.fields.empty());
        if (inside)
            write_yaml(item, indent + "  ", true, out);
        else
            out += (item.is_scalar() ? scalar_yaml(item)
                    : item.is_list() ? "[]"
                                     : "{}") +
                   std::string("\n");
    }
    for (const Field& field : node.fields) {
        if (!begun) out += indent;
        begun = false;
        out += key_yaml(field.key) + ":";
        const Node& value = field.value;
        bool inside = !value.is_scalar() && !(value.items.empty() && value.fields.empty());
        if (inside) {
            out += "\n";
            write_yaml(value, indent + "  ", false, out);
        } else {
            out += " " +
                   (value.is_scalar() ? scalar_yaml(value)
                                      : std::string(value.is_list() ? "[]" : "{}")) +
                   "\n";
        }
    }
}

// Docker does it to the whole text, keys too.
std::string with_dollars(const std::string& text, Dollars dollars) {
    if (dollars == Dollars::kept) return text;
    std::string out;
    for (char c : text) out += c == '$' ? "$$" : std::string(1, c);
    return out;
}

}  // namespace

std::string to_json(const Node& node, Dollars dollars) {
    std::string out;
    write_json(node, "", out);
    return with_dollars(out, dollars);
}

std::string to_yaml(const Node& node, Dollars dollars) {
    std::string out;
    write_yaml(node, "", false, out);
    return with_dollars(out, dollars);
}

}  // namespace crank::compose
