#include "compose/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

namespace crank::compose {
namespace {

// Ends the parse from inside a handler; caught in parse_yaml.
struct Stop {
    std::string why;
    Position at;
};

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

std::optional<std::int64_t> digits_of(std::string_view digits, int base, bool negative) {
    if (digits.empty()) return std::nullopt;
    std::int64_t value = 0;
    for (char c : digits) {
        if (c == '_') continue;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return std::nullopt;
    }
    return value;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text[0] == '_') return std::nullopt;
    if (text.starts_with("0x")) return digits_of(text.substr(2), 16, negative);
    if (text.starts_with("0o")) return digits_of(text.substr(2), 8, negative);
    if (text.starts_with("0b")) return digits_of(text.substr(2), 2, negative);
    if (text.size() > 1 && text[0] == '0') return digits_of(text.substr(1), 8, negative);
    return digits_of(text, 10, negative);
}

std::optional<double> fraction_of(const std::string& text) {
    if (text.find_first_not_of("+-.0123456789eE") != std::string::npos ||
        text.find_first_of("0123456789") == std::string::npos)
        return std::nullopt;
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

// What a scalar without quotes means.
Node resolve(const std::string& text, Position at) {
    Node null;
    null.at = at;
    if (one_of(text, {"", "~", "null", "Null", "NULL"})) return null;
    if (one_of(text, {"true", "True", "TRUE"})) return Node::of_flag(true, at);
    if (one_of(text, {"false", "False", "FALSE"})) return Node::of_flag(false, at);
    if (auto number = integer_of(text)) return Node::of_number(*number, at);
    if (auto fraction = fraction_of(text)) return Node::of_fraction(*fraction, at);
    return Node::of_text(text, at);
}

std::size_t depth_of(const Node& node) {
    std::size_t below = 0;
    for (const Node& item : node.items) below = std::max(below, depth_of(item));
    for (const Field& field : node.fields) below = std::max(below, depth_of(field.value));
    return below + (node.is_scalar() ? 0 : 1);
}

class Handler : public YAML::EventHandler {
public:
    Handler(std::uint32_t file, std::size_t& nodes) : file_(file), nodes_(nodes) {}
    Node take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Node null;
        null.at = position(mark);
        put(std::move(null), anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto known = anchors_.find(anchor);
        // One that stands inside what it names is not finished.
        if (known == anchors_.end())
            throw Stop{"the alias stands inside what it names", position(mark)};
        count(count_nodes(known->second), position(mark));
        if (stack_.size() + depth_of(known->second) > kMaxDepth) too_deep(position(mark));
        put(known->second, 0);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Position at = position(mark);
        Tag ours = tag_of(tag, at);
        bool is_text = tag == "!" || tag == "tag:yaml.org,2002:str";
        Node node = is_text ? Node::of_text(value, at) : resolve(value, at);
        node.tag = ours;
        put(std::move(node), anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::list(position(mark)), tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::map(position(mark)), tag, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct Level {
        Node node;
        std::optional<std::string> key = {};
        Position key_at = {};
        YAML::anchor_t anchor = 0;
        std::vector<Node> merged = {};  // what its merge keys name
    };

    Position position(const YAML::Mark& mark) const {
        if (mark.is_null()) return {.file = file_};
        return {file_, static_cast<std::uint32_t>(mark.line + 1),
                static_cast<std::uint32_t>(mark.column + 1)};
    }
    [[noreturn]] static void too_deep(Position at) {
        throw Stop{"nested deeper than " + std::to_string(kMaxDepth) + " levels", at};
    }
    void count(std::size_t more, Position at) {
        nodes_ += more;
        if (nodes_ > kMaxNodes)
            throw Stop{"the file holds more than " + std::to_string(kMaxNodes) + " values", at};
    }
    static Tag tag_of(const std::string& tag, Position at) {
        if (tag == "!reset") return Tag::reset;
        if (tag == "!override") return Tag::replace;
        if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:"))
            return Tag::none;
        throw Stop{"the tag '" + tag + "' means nothing here; known are !reset and !override", at};
    }
    bool wants_key() const {
        return !stack_.empty() && stack_.back().node.is_map() && !stack_.back().key;
    }
    void put(Node node, YAML::anchor_t anchor) {
        count(1, node.at);
        if (anchor != 0) anchors_.insert_or_assign(anchor, node);
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Level& level = stack_.back();
        if (level.node.is_list()) {
            if (level.node.items.size() == kMaxEntries)
                throw Stop{"more than " + std::to_string(kMaxEntries) + " entries in a list",
                           node.at};
            level.node.items.push_back(std::move(node));
        } else if (!level.key) {
            take_key(level, std::move(node));
        } else {
            take_value(level, std::move(node));
        }
    }
    static void take_key(Level& level, Node node) {
        if (!node.is_text())
            throw Stop{
                "a key is " + std::string(kind_name(node.kind)) + " and not a string: " +
                    (node.is_scalar() ? "quote '" + scalar_text(node) + "'" : "write a name"),
                node.at};
        const Node* known = level.node.find(node.text);
        if (known != nullptr)
            throw Stop{"the key '" + node.text + "' stands already in line " +
                           std::to_string(known->at.line),
                       node.at};
        if (level.node.fields.size() == kMaxEntries)
            throw Stop{"more than " + std::to_string(kMaxEntries) + " fields in a mapping",
                       node.at};
        level.key = std::move(node.text);
        level.key_at = node.at;
    }
    static void take_value(Level& level, Node node) {
        std::string key = std::move(*level.key);
        level.key.reset();
        if (key != "<<") {
            level.node.fields.push_back({std::move(key), level.key_at, std::move(node)});
            return;
        }
        if (node.is_map()) {
            level.merged.push_back(std::move(node));
            return;
        }
        if (!node.is_list()) throw Stop{"a merge key (<<) takes mappings", node.at};
        for (Node& item : node.items) {
            if (!item.is_map()) throw Stop{"a merge key (<<) takes mappings", item.at};
            level.merged.push_back(std::move(item));
        }
    }
    void open(Node node, const std::string& tag, YAML::anchor_t anchor) {
        node.tag = tag_of(tag, node.at);
        if (wants_key()) throw Stop{"a key is not a string: write a name", node.at};
        if (stack_.size() == kMaxDepth) too_deep(node.at);
        Level level;
        level.node = std::move(node);
        level.anchor = anchor;
        stack_.push_back(std::move(level));
    }
    void close() {
        Level level = std::move(stack_.back());
        stack_.pop_back();
        for (const Node& merged : level.merged)
            if (merged.fields.size() + level.node.fields.size() > kMaxEntries)
                throw Stop{"more than " + std::to_string(kMaxEntries) + " fields in a mapping",
                           merged.at};
        // What stands in the mapping itself wins, then the first that is merged.
        for (Node& merged : level.merged)
            for (Field& field : merged.fields)
                if (level.node.find(field.key) == nullptr)
                    level.node.fields.push_back(std::move(field));
        put(std::move(level.node), level.anchor);
    }

    std::uint32_t file_;
    std::size_t& nodes_;
    Node root_;
    std::vector<Level> stack_;
    std::map<YAML::anchor_t, Node> anchors_;
};

// The length of the UTF-8 sequence at the front, 0 where it is none.
std::size_t sequence_length(std::string_view text) {
    auto lead = static_cast<unsigned char>(text[0]);
    std::size_t length = lead < 0x80                   ? 1
                         : lead >= 0xc2 && lead < 0xe0 ? 2
                         : (lead & 0xf0) == 0xe0       ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4
                                                       : 0;
    if (length == 0 || length > text.size()) return 0;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; i++) {
        auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return 0;
        point = point << 6 | (next & 0x3f);
    }
    bool too_long = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    bool no_character = point > 0x10ffff || (point >= 0xd800 && point < 0xe000);
    return too_long || no_character ? 0 : length;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

Result<std::vector<Node>> parse_documents(std::string_view text, std::uint32_t file,
                                          const Diagnostics& diagnostics) {
    std::vector<Node> documents;
    std::size_t nodes = 0;
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (true) {
            Handler handler(file, nodes);
            if (!parser.HandleNextDocument(handler)) return documents;
            documents.push_back(handler.take());
            if (documents.size() > 100)
                return diagnostics.error({.file = file}, "", "more than 100 documents");
        }
    } catch (const Stop& stop) {
        return diagnostics.error(stop.at, "", stop.why);
    } catch (const YAML::Exception& error) {
        Position at{.file = file};
        if (!error.mark.is_null())
            at = {file, static_cast<std::uint32_t>(error.mark.line + 1),
                  static_cast<std::uint32_t>(error.mark.column + 1)};
        return diagnostics.error(at, "", "not valid YAML: " + error.msg);
    } catch (const std::exception& error) {
        // What its own code does not turn into one of those.
        return diagnostics.error({.file = file}, "",
                                 std::string("not valid YAML: ") + error.what());
    }
}

}  // namespace

Result<std::vector<Node>> parse_yaml(std::string_view text, std::uint32_t file,
                                     const Diagnostics& diagnostics) {
    Position at{.file = file};
    if (text.size() > kMaxFileBytes) return diagnostics.error(at, "", "larger than 1 MiB");
    if (!is_utf8(text)) return diagnostics.error(at, "", "not UTF-8 text");
    if (text.find('\0') != std::string_view::npos)
        return diagnostics.error(at, "", "holds a NUL character");
    return parse_documents(text, file, diagnostics);
}

}  // namespace crank::compose
