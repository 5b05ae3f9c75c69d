#include "compose/node.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace crank::compose {

Node Node::of_text(std::string text, Position at) {
    Node node;
    node.kind = Kind::text;
    node.text = std::move(text);
    node.at = at;
    return node;
}

Node Node::of_number(std::int64_t number, Position at) {
    Node node;
    node.kind = Kind::integer;
    node.number = number;
    node.at = at;
    return node;
}

Node Node::of_fraction(double fraction, Position at) {
    Node node;
    node.kind = Kind::real;
    node.fraction = fraction;
    node.at = at;
    return node;
}

Node Node::of_flag(bool flag, Position at) {
    Node node;
    node.kind = Kind::boolean;
    node.flag = flag;
    node.at = at;
    return node;
}

Node Node::list(Position at) {
    Node node;
    node.kind = Kind::list;
    node.at = at;
    return node;
}

Node Node::map(Position at) {
    Node node;
    node.kind = Kind::map;
    node.at = at;
    return node;
}

const Node* Node::find(std::string_view key) const {
    for (const Field& field : fields)
        if (field.key == key) return &field.value;
    return nullptr;
}

Node* Node::find(std::string_view key) {
    for (Field& field : fields)
        if (field.key == key) return &field.value;
    return nullptr;
}

std::string Node::text_of(std::string_view key) const {
    const Node* value = find(key);
    return value == nullptr ? "" : scalar_text(*value);
}

void Node::set(std::string_view key, Node value) {
    if (Node* known = find(key)) {
        *known = std::move(value);
        return;
    }
    Position written = value.at;
    fields.push_back({std::string(key), written, std::move(value)});
}

void Node::erase(std::string_view key) {
    std::erase_if(fields, [&](const Field& field) { return field.key == key; });
}

bool Node::operator==(const Node& other) const {
    if (kind != other.kind || text != other.text || flag != other.flag || number != other.number ||
        fraction != other.fraction || fields.size() != other.fields.size() || items != other.items)
        return false;
    return std::ranges::all_of(fields, [&](const Field& field) {
        const Node* same = other.find(field.key);
        return same != nullptr && *same == field.value;
    });
}

std::size_t count_nodes(const Node& node) {
    std::size_t count = 1;
    for (const Node& item : node.items) count += count_nodes(item);
    for (const Field& field : node.fields) count += count_nodes(field.value) + 1;
    return count;
}

namespace {

// The shortest text that reads back as the same value, with an exponent from 1e21 and below 1e-4.
// Not by std::to_chars, which needs the mathematical library beside the program (cmake/Math.cmake).
std::string fraction_text(double value) {
    char buffer[400];
    int digits = 1;
    for (;; ++digits) {
        std::snprintf(buffer, sizeof buffer, "%.*e", digits - 1, value);
        if (digits == std::numeric_limits<double>::max_digits10 ||
            std::strtod(buffer, nullptr) == value)
            break;
    }
    double size = std::fabs(value);
    if (size != 0 && (size < 1e-4 || size >= 1e21)) return buffer;
    int exponent = static_cast<int>(std::strtol(std::strchr(buffer, 'e') + 1, nullptr, 10));
    std::snprintf(buffer, sizeof buffer, "%.*f", std::max(0, digits - 1 - exponent), value);
    return buffer;
}

}  // namespace

std::string scalar_text(const Node& node) {
    switch (node.kind) {
        case Kind::boolean: return node.flag ? "true" : "false";
        case Kind::integer: return std::to_string(node.number);
        case Kind::real: return fraction_text(node.fraction);
        case Kind::text: return node.text;
        case Kind::null:
        case Kind::list:
        case Kind::map: break;
    }
    return "";
}

std::string_view kind_name(Kind kind) {
    switch (kind) {
        case Kind::null: return "nothing";
        case Kind::boolean: return "a boolean";
        case Kind::integer:
        case Kind::real: return "a number";
        case Kind::text: return "a string";
        case Kind::list: return "a list";
        case Kind::map: return "a mapping";
    }
    return "";
}

}  // namespace crank::compose
