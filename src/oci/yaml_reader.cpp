#include "oci/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "base/text.h"

namespace crank::oci {
namespace {

// Ends the parse from inside a handler; caught in parse_yaml.
struct Stop {
    std::string why;
    YAML::Mark mark;
};

std::string position(const YAML::Mark& mark) {
    if (mark.is_null()) return "";
    return " at line " + std::to_string(mark.line + 1) + ", column " +
           std::to_string(mark.column + 1);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

std::optional<Json> number_of(std::string_view digits, int base, bool negative) {
    if (digits.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (char c : digits) {
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
        if (digit >= base) return std::nullopt;
        if (__builtin_mul_overflow(value, static_cast<std::uint64_t>(base), &value) ||
            __builtin_add_overflow(value, static_cast<std::uint64_t>(digit), &value))
            return std::nullopt;
    }
    if (!negative) return Json(value);
    if (value > std::uint64_t{1} << 63) return std::nullopt;
    return Json(static_cast<std::int64_t>(-value));
}

std::optional<Json> integer_of(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.starts_with("0x")) return number_of(text.substr(2), 16, negative);
    if (text.starts_with("0o")) return number_of(text.substr(2), 8, negative);
    if (text.size() > 1 && text[0] == '0') return number_of(text.substr(1), 8, negative);
    return number_of(text, 10, negative);
}

std::optional<Json> float_of(const std::string& text) {
    if (text.find_first_not_of("+-.0123456789eE") != std::string::npos ||
        text.find_first_of("0123456789") == std::string::npos)
        return std::nullopt;
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
    return Json(value);
}

// What a scalar without quotes means.
Json resolve(const std::string& text) {
    if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
    if (is_one_of(text, {"true", "True", "TRUE"})) return true;
    if (is_one_of(text, {"false", "False", "FALSE"})) return false;
    if (auto number = integer_of(text)) return *number;
    if (auto number = float_of(text)) return *number;
    return text;
}

std::size_t nodes_in(const Json& value) {
    std::size_t count = 1;
    if (value.is_array())
        for (const auto& element : value) count += nodes_in(element);
    else if (value.is_object())
        for (const auto& [key, field] : value.get_ref<const Json::object_t&>())
            count += nodes_in(field) + 1;
    return count;
}

class Handler : public YAML::EventHandler {
public:
    explicit Handler(Json& root) : root_(root) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        put(mark, "", anchor, nullptr);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto known = anchors_.find(anchor);
        // One that stands inside what it names is not finished.
        if (known == anchors_.end()) throw Stop{"has an alias of what is not there yet", mark};
        count(mark, nodes_in(known->second));
        put(mark, "", 0, known->second);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        bool is_key = wants_key();
        if (tag == "!" || tag == "tag:yaml.org,2002:str" || is_key)
            put(mark, is_key ? tag : "", anchor, value);
        else
            put(mark, tag, anchor, resolve(value));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Json::array());
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Json::object());
    }
    void OnMapEnd() override { close(); }

private:
    struct Level {
        Json value;
        std::optional<std::string> key = {};
        YAML::anchor_t anchor = 0;
    };

    bool wants_key() const {
        return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().key;
    }
    void count(const YAML::Mark& mark, std::size_t more) {
        nodes_ += more;
        if (nodes_ > kMaxYamlNodes)
            throw Stop{"has more than " + std::to_string(kMaxYamlNodes) + " values", mark};
    }
    static void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:"))
            return;
        throw Stop{"has the tag '" + tag + "', which means nothing here", mark};
    }
    void put(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
        count(mark, 1);
        check_tag(mark, tag);
        if (anchor != 0) anchors_.insert_or_assign(anchor, value);
        if (stack_.empty()) {
            root_ = std::move(value);
            return;
        }
        Level& level = stack_.back();
        if (level.value.is_array()) {
            level.value.push_back(std::move(value));
        } else if (!level.key) {
            if (!value.is_string()) throw Stop{"has a key that is no text", mark};
            const auto& name = value.get_ref<const std::string&>();
            if (level.value.contains(name))
                throw Stop{"has the key '" + name + "' twice in one object", mark};
            level.key = name;
        } else {
            level.value[*level.key] = std::move(value);
            level.key.reset();
        }
    }
    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
        check_tag(mark, tag);
        if (wants_key()) throw Stop{"has a key that is no text", mark};
        if (stack_.size() == kMaxJsonDepth) throw Stop{"is nested deeper than 64 levels", mark};
        stack_.push_back({std::move(value), {}, anchor});
    }
    void close() {
        Level level = std::move(stack_.back());
        stack_.pop_back();
        put(YAML::Mark::null_mark(), "", level.anchor, std::move(level.value));
    }

    Json& root_;
    std::vector<Level> stack_;
    std::map<YAML::anchor_t, Json> anchors_;
    std::size_t nodes_ = 0;
};

// How many bytes of its own kind the character that begins with this byte has, and the range of the
// second one (Unicode 15, table 3-7: neither longer than need be, nor half of a pair, nor behind
// the last character). Nothing: no character begins so.
struct Sequence {
    std::size_t more = 0;
    unsigned char low = 0x80, high = 0xbf;
};
std::optional<Sequence> sequence_of(unsigned char first) {
    if (first < 0x80) return Sequence{};
    if (first < 0xc2 || first > 0xf4) return std::nullopt;
    if (first < 0xe0) return Sequence{1};
    if (first < 0xf0)
        return Sequence{2, static_cast<unsigned char>(first == 0xe0 ? 0xa0 : 0x80),
                        static_cast<unsigned char>(first == 0xed ? 0x9f : 0xbf)};
    return Sequence{3, static_cast<unsigned char>(first == 0xf0 ? 0x90 : 0x80),
                    static_cast<unsigned char>(first == 0xf4 ? 0x8f : 0xbf)};
}

// What is kept and shown must be UTF-8.
bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto sequence = sequence_of(static_cast<unsigned char>(text[0]));
        if (!sequence || sequence->more >= text.size()) return false;
        unsigned char low = sequence->low, high = sequence->high;
        for (char c : text.substr(1, sequence->more)) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < low || byte > high) return false;
            low = 0x80;
            high = 0xbf;
        }
        text.remove_prefix(sequence->more + 1);
    }
    return true;
}

}  // namespace

Result<Json> parse_yaml(std::string_view text, Code code, std::size_t limit) {
    if (text.size() > limit)
        return fail(code, "the document is larger than " + std::to_string(limit >> 10) + " KiB");
    if (!is_utf8(text)) return fail(code, "the document is not UTF-8 text");
    if (text.find('\0') != std::string_view::npos)
        return fail(code, "the document holds a NUL character");
    Json root;
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Handler handler(root);
        if (!parser.HandleNextDocument(handler)) return root;
        Json second;
        Handler other(second);
        if (parser.HandleNextDocument(other))
            return fail(code, "the file holds more than one document");
    } catch (const Stop& stop) {
        return fail(code, "the document " + stop.why + position(stop.mark));
    } catch (const YAML::Exception& error) {
        return fail(code,
                    "the document is not valid YAML" + position(error.mark) + ": " + error.msg);
    } catch (const std::exception& error) {
        // What its own code does not turn into one of those.
        return fail(code, std::string("the document is not valid YAML: ") + error.what());
    }
    return root;
}

}  // namespace crank::oci
