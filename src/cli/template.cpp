#include "cli/template.h"

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/text.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

Error bad(const std::string& why) { return Error(Code::usage, "--format: " + why); }

constexpr char kFieldOf = '\x01';

// "{{ ... }}" taken apart: a text or an action.
struct Piece {
    bool action = false;
    std::string text;
};

Result<std::vector<Piece>> pieces_of(std::string_view text) {
    std::vector<Piece> pieces;
    while (!text.empty()) {
        std::size_t open = text.find("{{");
        if (open == std::string_view::npos) open = text.size();
        if (open > 0) pieces.push_back({false, std::string(text.substr(0, open))});
        text.remove_prefix(open);
        if (text.empty()) break;
        std::size_t close = text.find("}}");
        if (close == std::string_view::npos) return fail(bad("\"{{\" without \"}}\""));
        pieces.push_back({true, std::string(trim(text.substr(2, close - 2)))});
        text.remove_prefix(close + 2);
    }
    return pieces;
}

// Words of an action: quoted texts stay whole, parentheses and '|' stand alone.
Result<std::vector<std::string>> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < text.size();) {
        char c = text[i];
        if (c == ' ' || c == '\t' || c == ',') {
            ++i;
        } else if (c == '"' || c == '`') {
            std::string word = "\"";
            for (++i; i < text.size() && text[i] != c; ++i) {
                if (c == '"' && text[i] == '\\' && i + 1 < text.size()) {
                    char next = text[++i];
                    word += next == 'n' ? '\n' : next == 't' ? '\t' : next;
                } else {
                    word += text[i];
                }
            }
            if (i == text.size()) return fail(bad("a quoted text does not end"));
            ++i;
            words.push_back(word);
        } else if (c == '(' || c == ')' || c == '|') {
            words.emplace_back(1, c);
            // "(...).Field": the field belongs to what stands in the parentheses.
            if (++i < text.size() && c == ')' && text[i] == '.') words.emplace_back(1, kFieldOf);
        } else {
            std::size_t end = text.find_first_of(" \t,()|", i);
            if (end == std::string_view::npos) end = text.size();
            words.emplace_back(text.substr(i, end - i));
            i = end;
        }
    }
    return words;
}

std::string shown(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_null()) return "<no value>";
    if (value.is_array()) {
        std::string text = "[";
        for (std::size_t i = 0; i < value.size(); ++i) text += (i ? " " : "") + shown(value[i]);
        return text + "]";
    }
    if (value.is_object()) {
        std::string text = "map[";
        bool first = true;
        for (const auto& [key, item] : value.items()) {
            text += (first ? "" : " ") + key + ":" + shown(item);
            first = false;
        }
        return text + "]";
    }
    return value.dump();
}

bool truth(const Json& value) {
    if (value.is_null()) return false;
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_string()) return !value.get_ref<const std::string&>().empty();
    if (value.is_number()) return value != 0;
    return !value.empty();
}

struct Scope {
    const Json& dot;
    const Json& root;
    std::map<std::string, Json> variables;
};

Result<Json> field_of(Json value, std::string_view path, std::string_view whole) {
    for (const std::string& name : split(path, '.')) {
        if (name.empty()) continue;
        // Docker's lists say ID, its inspect says Id, podman takes either everywhere.
        if (std::string other = name == "ID"   ? "Id"
                                : name == "Id" ? "ID"
                                               : "";
            !other.empty() && value.is_object() && !value.contains(name) && value.contains(other)) {
            value = Json(value[other]);
            continue;
        }
        if (!value.is_object() || !value.contains(name)) {
            std::vector<std::string_view> known;
            if (value.is_object())
                for (const auto& [key, item] : value.items()) known.push_back(key);
            Error error = bad("no field \"" + name + "\" in " + std::string(whole));
            if (auto near = did_you_mean(name, known))
                return fail(std::move(error).with_hint("did you mean ." + *near + "?"));
            return fail(std::move(error));
        }
        value = Json(value[name]);
    }
    return value;
}

Result<Json> operand(const std::string& word, const Scope& scope) {
    if (word[0] == '"') return Json(word.substr(1));
    if (word[0] == '.') return field_of(scope.dot, word.substr(1), word);
    if (word[0] == '$') {
        std::size_t dot = word.find('.');
        std::string name = word.substr(0, dot);
        std::string path = dot == std::string::npos ? "" : word.substr(dot);
        if (name == "$") return field_of(scope.root, path, word);
        auto it = scope.variables.find(name);
        if (it == scope.variables.end()) return fail(bad("no variable " + name));
        return field_of(it->second, path, word);
    }
    if (word == "true" || word == "false") return Json(word == "true");
    if (auto number = parse_int(word)) return Json(*number);
    return fail(bad("\"" + word + "\" is neither a field (.Name) nor a function crank has"));
}

Result<Json> index_into(const std::vector<Json>& args) {
    if (args.empty()) return fail(bad("index needs a value"));
    Json value = args[0];
    for (std::size_t i = 1; i < args.size(); ++i) {
        const Json& key = args[i];
        if (value.is_object() && key.is_string()) {
            auto it = value.find(key.get<std::string>());
            // As Go: a key that a map does not have gives the zero value.
            value = it == value.end() ? Json("") : Json(*it);
        } else if (value.is_array() && key.is_number_integer()) {
            auto at = key.get<std::int64_t>();
            if (at < 0 || at >= static_cast<std::int64_t>(value.size()))
                return fail(bad("index " + std::to_string(at) + " is out of range"));
            value = Json(value[static_cast<std::size_t>(at)]);
        } else {
            return fail(bad("index does not fit the value"));
        }
    }
    return value;
}

Result<Json> compare(const std::string& name, const std::vector<Json>& args) {
    if (args.size() < 2) return fail(bad(name + " needs two values"));
    if (name == "eq") return Json(std::find(args.begin() + 1, args.end(), args[0]) != args.end());
    return Json(args[0] != args[1]);
}

Result<Json> logic(const std::string& name, const std::vector<Json>& args) {
    if (args.empty()) return fail(bad(name + " needs a value"));
    if (name == "not") return Json(!truth(args[0]));
    for (const Json& arg : args)
        if (truth(arg) == (name == "or")) return arg;
    return args.back();
}

Result<Json> text_function(const std::string& name, const std::vector<Json>& args) {
    if (args.empty()) return fail(bad(name + " needs a value"));
    if (name == "json") return Json(args[0].dump());
    if (name == "len")
        return Json(args[0].is_string() ? args[0].get<std::string>().size() : args[0].size());
    if (name == "lower") return Json(to_lower(shown(args[0])));
    if (name == "upper") {
        std::string text = shown(args[0]);
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        return Json(text);
    }
    if (name == "join") {
        if (args.size() != 2 || !args[0].is_array())
            return fail(bad("join wants a list and a text"));
        std::vector<std::string> parts;
        for (const Json& item : args[0]) parts.push_back(shown(item));
        return Json(join(parts, shown(args[1])));
    }
    std::string text;
    for (const Json& arg : args) text += (text.empty() ? "" : " ") + shown(arg);
    return Json(name == "println" ? text + "\n" : text);
}

constexpr std::string_view kFunctions[] = {"json",  "len",     "lower", "upper", "join",
                                           "print", "println", "index", "eq",    "ne",
                                           "and",   "or",      "not"};

bool is_function(std::string_view word) {
    return std::find(std::begin(kFunctions), std::end(kFunctions), word) != std::end(kFunctions);
}

Result<Json> call(const std::string& name, const std::vector<Json>& args) {
    if (name == "index") return index_into(args);
    if (name == "eq" || name == "ne") return compare(name, args);
    if (name == "and" || name == "or" || name == "not") return logic(name, args);
    return text_function(name, args);
}

// A pipeline of the words [at, end or ")"): "f a b | g".
class Pipeline {
public:
    Pipeline(const std::vector<std::string>& words, const Scope& scope)
        : words_(words), scope_(scope) {}

    Result<Json> evaluate(int depth = 0) {
        if (depth > 16) return fail(bad("parentheses are nested too deep"));
        std::optional<Json> piped;
        do {
            piped = TRY(command(std::move(piped), depth));
        } while (take("|"));
        return *piped;
    }
    bool at_end() const { return at_ == words_.size(); }

private:
    bool take(std::string_view word) {
        if (at_end() || words_[at_] != word) return false;
        ++at_;
        return true;
    }
    Result<Json> command(std::optional<Json> piped, int depth) {
        if (at_end()) return fail(bad("empty action"));
        std::string function;
        if (is_function(words_[at_])) function = words_[at_++];
        std::vector<Json> args;
        while (!at_end() && words_[at_] != "|" && words_[at_] != ")") {
            if (take("(")) {
                Json inner = TRY(evaluate(depth + 1));
                if (!take(")")) return fail(bad("a parenthesis does not close"));
                if (take(std::string_view(&kFieldOf, 1)) && !at_end()) {
                    const std::string& field = words_[at_++];
                    inner = TRY(field_of(std::move(inner), field.substr(1), field));
                }
                args.push_back(std::move(inner));
            } else {
                args.push_back(TRY(operand(words_[at_++], scope_)));
            }
        }
        if (piped) args.push_back(std::move(*piped));
        if (!function.empty()) return call(function, args);
        // {{.Label "tier"}}: a map is asked for what belongs to the word.
        if (args.size() == 2 && args[0].is_object() && args[1].is_string()) return index_into(args);
        if (args.size() != 1) return fail(bad("one value is wanted between {{ and }}"));
        return args[0];
    }

    const std::vector<std::string>& words_;
    const Scope& scope_;
    std::size_t at_ = 0;
};

Result<Json> evaluate(std::string_view action, const Scope& scope) {
    std::vector<std::string> words = TRY(words_of(action));
    Pipeline pipeline(words, scope);
    Json value = TRY(pipeline.evaluate());
    if (!pipeline.at_end())
        return fail(bad("a parenthesis too many in {{" + std::string(action) + "}}"));
    return value;
}

std::string first_word(const std::string& action) {
    return action.substr(0, action.find_first_of(" \t("));
}

// Walks the pieces; a block is expanded by walking its part again.
class Expander {
public:
    explicit Expander(const std::vector<Piece>& pieces) : pieces_(pieces) {}

    Result<std::string> walk(std::size_t begin, std::size_t end, const Scope& scope) const {
        std::string out;
        for (std::size_t i = begin; i < end; ++i) {
            const Piece& piece = pieces_[i];
            std::string word = piece.action ? first_word(piece.text) : "";
            if (!piece.action) {
                out += piece.text;
            } else if (word == "if" || word == "range" || word == "with") {
                Block block = TRY(block_at(i, end));
                out += TRY(expand_block(word, i, block, scope));
                i = block.end;
            } else if (word == "end" || word == "else") {
                return fail(bad("{{" + word + "}} without a beginning"));
            } else if (!piece.text.starts_with("/*")) {
                out += shown(TRY(evaluate(piece.text, scope)));
            }
        }
        return out;
    }

private:
    struct Block {
        std::size_t otherwise, end;  // {{else}} (or end) and {{end}}
    };
    Result<Block> block_at(std::size_t begin, std::size_t limit) const {
        std::size_t depth = 0, otherwise = 0;
        for (std::size_t i = begin; i < limit; ++i) {
            std::string word = pieces_[i].action ? first_word(pieces_[i].text) : "";
            if (word == "if" || word == "range" || word == "with") ++depth;
            if (word == "else" && depth == 1 && otherwise == 0) otherwise = i;
            if (word == "end" && --depth == 0) return Block{otherwise ? otherwise : i, i};
        }
        return fail(bad("{{" + pieces_[begin].text + "}} without {{end}}"));
    }

    Result<std::string> expand_block(const std::string& word, std::size_t at, const Block& block,
                                     const Scope& scope) const {
        std::string rest = pieces_[at].text.substr(word.size());
        if (word == "range") return expand_range(rest, at, block, scope);
        Json value = TRY(evaluate(rest, scope));
        bool yes = truth(value);
        Scope inner{word == "with" && yes ? value : scope.dot, scope.root, scope.variables};
        if (yes) return walk(at + 1, block.otherwise, inner);
        return block.otherwise == block.end ? "" : walk(block.otherwise + 1, block.end, inner);
    }

    Result<std::string> expand_range(std::string rest, std::size_t at, const Block& block,
                                     const Scope& scope) const {
        std::vector<std::string> names;
        if (std::size_t assign = rest.find(":="); assign != std::string::npos) {
            names = TRY(words_of(rest.substr(0, assign)));
            rest = rest.substr(assign + 2);
        }
        Json list = TRY(evaluate(rest, scope));
        if (!list.is_structured() && !list.is_null())
            return fail(bad("range wants a list or a map"));
        std::string out;
        std::size_t number = 0;
        for (const auto& [key, item] : list.items()) {
            Scope inner{item, scope.root, scope.variables};
            if (names.size() == 2)
                inner.variables[names[0]] = list.is_array() ? Json(number) : Json(key);
            if (!names.empty()) inner.variables[names.back()] = item;
            out += TRY(walk(at + 1, block.otherwise, inner));
            ++number;
        }
        if (number == 0 && block.otherwise != block.end)
            out += TRY(walk(block.otherwise + 1, block.end, scope));
        return out;
    }

    const std::vector<Piece>& pieces_;
};

}  // namespace

Result<std::string> expand_template(std::string_view text, const nlohmann::ordered_json& value) {
    std::vector<Piece> pieces = TRY(pieces_of(text));
    return Expander(pieces).walk(0, pieces.size(), Scope{value, value, {}});
}

std::string unescape_format(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n'))
            out += text[++i] == 't' ? '\t' : '\n';
        else
            out += text[i];
    }
    return out;
}

}  // namespace crank::cli
