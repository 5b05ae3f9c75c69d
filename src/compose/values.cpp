#include "compose/values.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "base/units.h"
#include "compose/short_forms.h"

namespace crank::compose {
namespace {

class Converter {
public:
    Converter(const FieldSpec& field, const std::string& path, Diagnostics& diagnostics)
        : field_(field), path_(path), diagnostics_(diagnostics) {}

    Result<Node> convert(const Node& node) {
        switch (field_.shape) {
            case Shape::text: return text(node);
            case Shape::integer:
            case Shape::number_or: return integer(node);
            case Shape::number: return number(node);
            case Shape::boolean:
            case Shape::flag_or: return boolean(node);
            case Shape::bytes: return bytes(node);
            case Shape::duration: return duration(node);
            case Shape::mode: return mode(node);
            case Shape::count:
                return node.is_text() && to_lower(node.text) == "all" ? Node::of_number(-1, node.at)
                                                                      : integer(node);
            case Shape::word: return word(node);
            case Shape::texts:
            case Shape::text_or_texts:
            case Shape::words: return texts(node);
            case Shape::pairs:
            case Shape::labels:
            case Shape::options: return pairs(node);
            case Shape::repeated: return repeated(node);
            case Shape::command: return command(node);
            case Shape::test: return test(node);
            case Shape::hosts: return hosts(node);
            case Shape::ssh: return ssh(node);
            default: return node;
        }
    }

private:
    std::unexpected<Error> wrong(const Node& node, const std::string& what) const {
        return diagnostics_.error(node.at, path_, what);
    }
    std::unexpected<Error> wants(const Node& node, std::string_view what) const {
        std::string got =
            node.is_text() ? "'" + node.text + "'" : std::string(kind_name(node.kind));
        return wrong(node, "must be " + std::string(what) + ", not " + got);
    }
    Result<Node> text(const Node& node) const {
        // A name that is written without quotes and looks like a number.
        if (!node.is_text()) {
            if (node.is_null()) return Node::of_text("", node.at);
            return wants(node, "a string");
        }
        if (!field_.choices.empty()) {
            std::vector<std::string> known = split(field_.choices, '|');
            if (std::ranges::find(known, node.text) == known.end())
                return wants(node, "one of " + join(known, ", "));
        }
        if (field_.rule != nullptr && !field_.rule->holds(node.text))
            return wants(node, field_.rule->wanted);
        return node;
    }
    Result<Node> word(const Node& node) const {
        if (!node.is_scalar() || node.is_null()) return wants(node, "a string or a number");
        return Node::of_text(scalar_text(node), node.at);
    }
    Result<Node> integer(const Node& node) const {
        auto value = node.is_text() ? parse_int(node.text) : whole(node);
        if (!value) return wants(node, "a whole number");
        if (field_.natural && *value < 0)
            return wrong(node, "must be 0 or more, not " + std::to_string(*value));
        return Node::of_number(*value, node.at);
    }
    static std::optional<std::int64_t> whole(const Node& node) {
        if (node.is(Kind::integer)) return node.number;
        if (!node.is(Kind::real) || node.fraction != std::floor(node.fraction) ||
            std::fabs(node.fraction) >= 9e15)
            return std::nullopt;
        return static_cast<std::int64_t>(node.fraction);
    }
    Result<Node> number(const Node& node) const {
        if (node.is(Kind::integer)) return Node::of_fraction(double(node.number), node.at);
        if (node.is(Kind::real)) return node;
        char* end = nullptr;
        double value = node.is_text() ? std::strtod(node.text.c_str(), &end) : 0;
        bool digits = node.is_text() &&
                      node.text.find_first_of("0123456789") != std::string::npos &&
                      node.text.find_first_not_of("+-.0123456789eE") == std::string::npos;
        if (!digits || *end != '\0' || !std::isfinite(value)) return wants(node, "a number");
        return Node::of_fraction(value, node.at);
    }
    Result<Node> boolean(const Node& node) {
        if (node.is(Kind::boolean)) return node;
        std::string word = node.is_text() ? to_lower(node.text) : "";
        if (word == "true" || word == "false") return Node::of_flag(word == "true", node.at);
        bool yes = word == "y" || word == "yes" || word == "on";
        if (!yes && word != "n" && word != "no" && word != "off")
            return wants(node, "true or false");
        diagnostics_.warn(
            node.at, path_,
            "'" + node.text + "' is no boolean of YAML 1.2: write " + (yes ? "true" : "false"));
        return Node::of_flag(yes, node.at);
    }
    Result<Node> bytes(const Node& node) const {
        std::optional<std::int64_t> value;
        if (node.is(Kind::integer)) value = node.number;
        if (node.is_text()) value = parse_int(node.text);
        if (!value && node.is_text())
            if (auto size = parse_size(node.text)) value = *size;
        if (!value) return wants(node, "a size such as 64m");
        if (field_.natural && *value < 0)
            return wrong(node, "must be 0 or more, not " + std::to_string(*value));
        return Node::of_text(std::to_string(*value), node.at);
    }
    Result<Node> duration(const Node& node) const {
        if (!node.is_text()) return wants(node, "a duration such as 1m30s");
        auto value = compose_duration(node.text);
        if (!value) return wants(node, "a duration such as 1m30s");
        return Node::of_text(std::move(*value), node.at);
    }
    Result<Node> mode(const Node& node) const {
        std::int64_t value = node.number;
        if (node.is_text()) {
            value = 0;
            for (char c : node.text) {
                if (c < '0' || c > '7' || value > 0777777)
                    return wants(node, "a mode such as 0440");
                value = value * 8 + (c - '0');
            }
            if (node.text.empty()) return wants(node, "a mode such as 0440");
        } else if (!node.is(Kind::integer) || value < 0 || value > 07777) {
            return wants(node, "a mode such as 0440");
        }
        std::string digits;
        do digits.insert(digits.begin(), char('0' + (value & 7)));
        while ((value >>= 3) != 0);
        return Node::of_text("0" + digits, node.at);
    }
    Result<Node> texts(const Node& node) const {
        Node list = Node::list(node.at);
        if (node.is_text() && field_.shape != Shape::words && field_.shape != Shape::texts) {
            // From a variable that is not set.
            if (!node.text.empty() || field_.name != "dns") list.items.push_back(node);
            return list;
        }
        if (!node.is_list()) return wants(node, "a list");
        for (const Node& item : node.items) {
            if (!item.is_text() && field_.shape != Shape::words) return wants(item, "a string");
            if (!item.is_scalar() || item.is_null()) return wants(item, "a string or a number");
            if (field_.name == "dns" && scalar_text(item).empty()) continue;
            Node made = Node::of_text(scalar_text(item), item.at);
            made.tag = item.tag;
            list.items.push_back(std::move(made));
        }
        return list;
    }
    Node pair_value(const Node& node) const {
        Node value = Node::of_text(scalar_text(node), node.at);
        if (node.is_null() && field_.shape == Shape::pairs) value = node;
        value.tag = node.tag;
        return value;
    }
    Result<Node> pairs(const Node& node) const {
        Node map = Node::map(node.at);
        for (const Field& entry : node.fields) {
            if (!entry.value.is_scalar())
                return diagnostics_.error(entry.value.at, path_ + "." + entry.key,
                                          "must be a string or a number, not " +
                                              std::string(kind_name(entry.value.kind)));
            TRY(check_given(entry.value, entry.key, entry.at));
            map.fields.push_back({entry.key, entry.at, pair_value(entry.value)});
        }
        for (const Node& item : node.items) {
            if (!item.is_text()) return wants(item, "a string NAME=VALUE");
            std::size_t equals = item.text.find('=');
            Node value;
            value.at = item.at;
            if (equals != std::string::npos)
                value = Node::of_text(item.text.substr(equals + 1), item.at);
            TRY(check_given(value, item.text, item.at));
            map.set(item.text.substr(0, equals), pair_value(value));
        }
        if (node.is_map() || (node.is_list() && field_.shape != Shape::options)) return map;
        return wants(node, field_.shape == Shape::options ? "a mapping" : "a mapping or a list");
    }
    Result<void> check_given(const Node& value, const std::string& name, Position at) const {
        if (!field_.valued || !value.is_null() || value.tag == Tag::reset) return {};
        return diagnostics_.error(at, path_ + "." + name, "has no value");
    }
    Result<Node> repeated(const Node& node) const {
        if (!node.is_map()) return wants(node, "a mapping");
        Node map = Node::map(node.at);
        for (const Field& entry : node.fields) {
            Node list = Node::list(entry.value.at);
            if (!entry.value.is_list()) list.items.push_back(TRY(word(entry.value)));
            for (const Node& item : entry.value.items) list.items.push_back(TRY(word(item)));
            map.fields.push_back({entry.key, entry.at, std::move(list)});
        }
        return map;
    }
    Result<Node> command(const Node& node) {
        if (node.is_null()) return node;
        if (!node.is_text()) return texts(node);
        auto words = shell_words(node.text);
        if (!words) return wrong(node, words.error().message());
        if (!words->rest.empty())
            diagnostics_.warn(node.at, path_,
                              "'" + std::string(words->rest) +
                                  "' is left out, as Docker does: no shell reads a command; write "
                                  "[sh, -c, ...]");
        Node list = Node::list(node.at);
        for (std::string& word : words->words)
            list.items.push_back(Node::of_text(std::move(word), node.at));
        return list;
    }
    Result<Node> test(const Node& node) const {
        if (!node.is_text()) {
            Node list = TRY(texts(node));
            std::string first = list.items.empty() ? "NONE" : list.items[0].text;
            if (first != "NONE" && first != "CMD" && first != "CMD-SHELL")
                return wrong(node, "must begin with CMD, CMD-SHELL or NONE, not '" + first + "'");
            return list;
        }
        Node list = Node::list(node.at);
        list.items.push_back(Node::of_text("CMD-SHELL", node.at));
        list.items.push_back(node);
        return list;
    }
    // A mapping of hosts to lists of addresses, in which files merge; printed as HOST=ADDRESS.
    Result<Node> hosts(const Node& node) const {
        Node map = Node::map(node.at);
        auto add = [&](const std::string& host, const std::string& address, Position at) {
            if (map.find(host) == nullptr) map.set(host, Node::list(at));
            std::string bare =
                address.size() > 2 && address.starts_with('[') && address.ends_with(']')
                    ? address.substr(1, address.size() - 2)
                    : address;
            map.find(host)->items.push_back(Node::of_text(bare, at));
        };
        for (const Field& entry : node.fields) {
            if (entry.key.empty() || entry.key.find_first_of(":=") != std::string::npos)
                return wrong(entry.value, "bad host name '" + entry.key + "'");
            if (entry.value.is_null() || entry.value.is_map())
                return diagnostics_.error(entry.value.at, path_ + "." + entry.key,
                                          "wants an address or a list of addresses");
            if (entry.value.is_scalar()) add(entry.key, scalar_text(entry.value), entry.value.at);
            for (const Node& item : entry.value.items) add(entry.key, scalar_text(item), item.at);
        }
        for (const Node& item : node.items) {
            std::string entry = scalar_text(item);
            std::size_t at = entry.find('=');
            if (at == std::string::npos) at = entry.find(':');
            if (at == std::string::npos || at == 0)
                return wrong(item, "'" + entry + "' is no HOST=ADDRESS");
            for (const std::string& address : split(entry.substr(at + 1), ','))
                add(entry.substr(0, at), address, item.at);
        }
        if (node.is_map() || node.is_list()) return map;
        return wants(node, "a mapping or a list");
    }
    Result<Node> ssh(const Node& node) const {
        Node map = TRY(pairs(node));
        for (const Field& entry : map.fields)
            if (scalar_text(entry.value).empty() && entry.key != "default")
                return wrong(entry.value,
                             "'" + entry.key + "' is no ID=PATH; only default has none");
        return map;
    }

    const FieldSpec& field_;
    const std::string& path_;
    Diagnostics& diagnostics_;
};

}  // namespace

Result<Node> convert_value(const FieldSpec& field, const Node& node, const std::string& path,
                           Diagnostics& diagnostics) {
    return Converter(field, path, diagnostics).convert(node);
}

Result<std::string> compose_duration(std::string_view text) {
    // Days and weeks, which Go's own notation does not have.
    std::chrono::nanoseconds total{0};
    std::string rest;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t unit = text.find_first_not_of("0123456789.", begin);
        std::size_t end = text.find_first_of("0123456789.", std::min(unit, text.size()));
        end = std::min(end, text.size());
        std::string_view name = text.substr(std::min(unit, end), end - std::min(unit, end));
        if (name == "d" || name == "w") {
            auto days = parse_int(text.substr(begin, unit - begin));
            if (!days || *days > 36500)
                return fail(Code::invalid_argument, "'" + std::string(text) + "' is no duration");
            total += std::chrono::hours(24 * *days * (name == "w" ? 7 : 1));
        } else {
            rest += text.substr(begin, end - begin);
        }
        if (end == begin) break;
        begin = end;
    }
    if (!rest.empty() || text.empty()) total += TRY(parse_duration(rest));
    return format_duration(total);
}

}  // namespace crank::compose
