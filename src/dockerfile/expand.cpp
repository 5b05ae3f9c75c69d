#include "dockerfile/expand.h"

#include <algorithm>
#include <utility>

#include "dockerfile/pattern.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

constexpr char32_t kEnd = 0xFFFFFFFF;  // no character has this value

std::unexpected<Error> bad(std::string message) {
    return fail(Code::invalid_argument, std::move(message));
}

bool is_special_parameter(char32_t c) {
    return c < 0x80 && std::string_view("@*#?-$!0").find(static_cast<char>(c)) != std::string::npos;
}

// Collects words: text from variables and plain text splits at white space, quoted text does not.
class WordList {
public:
    void add_quoted(std::string_view text) { word_ += text; }
    void add_plain(std::string_view text) {
        std::size_t i = 0;
        while (i < text.size()) {
            Rune rune = rune_at(text, i);
            if (!is_space(rune.value))
                word_ += text.substr(i, rune.width);
            else if (!word_.empty())
                words_.push_back(std::exchange(word_, {}));
            i += rune.width;
        }
    }
    std::vector<std::string> take() {
        if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
        return std::move(words_);
    }

private:
    std::string word_;
    std::vector<std::string> words_;
};

struct Budget {
    std::size_t& bytes;
    std::size_t& work;

    Result<> take_bytes(std::size_t n) {
        bytes += n;
        if (bytes > Expander::kMaxBytes)
            return fail(Code::exhausted, "variables expand to more than 4 MiB of text");
        return {};
    }
    Result<> take_work(std::size_t n) {
        work += n;
        if (work > Expander::kMaxWork)
            return fail(Code::exhausted, "the patterns of variables take too long to match");
        return {};
    }
};

// One walk over one text.
class Walk {
public:
    Walk(std::string_view text, const Environment& env, const ExpandOptions& options, Budget budget)
        : text_(text), env_(env), options_(options), budget_(budget) {}

    Result<Expanded> run() {
        Expanded out;
        WordList words;
        out.text = TRY(until(kEnd, options_.keep_escapes, &words));
        out.words = words.take();
        out.unset = std::move(unset_);
        return out;
    }

private:
    char32_t peek() const { return at_end() ? kEnd : rune_at(text_, position_).value; }
    bool at_end() const { return position_ == text_.size(); }
    char32_t take() { return at_end() ? kEnd : take_rune().first; }
    // The character and its bytes as written. Not at the end.
    std::pair<char32_t, std::string_view> take_rune() {
        Rune rune = rune_at(text_, position_);
        std::string_view bytes = text_.substr(position_, rune.width);
        position_ += rune.width;
        return {rune.value, bytes};
    }
    bool take_if(char32_t c) {
        if (peek() != c) return false;
        take();
        return true;
    }
    bool is_escape(char32_t c) const { return c == static_cast<char32_t>(options_.escape); }

    Result<std::string> until(char32_t stop, bool keep_escapes, WordList* words);
    Result<std::string> piece(char32_t c, bool keep_escapes);
    Result<std::string> single_quoted();
    Result<std::string> double_quoted(bool keep_escapes);
    Result<std::string> dollar();
    Result<std::string> braces();
    Result<std::string> with_default(const std::string& name, char32_t first);
    Result<std::string> trimmed(const std::string& name, char32_t op);
    Result<std::string> replaced(const std::string& name);
    Result<std::string> choose(const std::string& name, char32_t op, bool colon,
                               const std::string& word);
    std::string heredoc_mark();
    std::string name();
    // The value; notes the name where it is not set.
    const std::string* value_of(const std::string& name);
    Result<std::string> value_text(const std::string* value) {
        if (value == nullptr) return std::string();
        TRY(budget_.take_bytes(value->size()));
        return *value;
    }
    bool keeps(const std::string* value) const { return value == nullptr && options_.keep_unset; }

    std::string_view text_;
    const Environment& env_;
    const ExpandOptions& options_;
    Budget budget_;
    std::size_t position_ = 0;
    int depth_ = 0;
    std::vector<std::string> unset_;
};

// Up to `stop`, which is taken, or to the end where stop is kEnd.
Result<std::string> Walk::until(char32_t stop, bool keep_escapes, WordList* words) {
    std::string out;
    while (!at_end()) {
        char32_t c = peek();
        if (c == stop) {
            take();
            return out;
        }
        bool quote = !options_.plain_quotes && (c == '\'' || c == '"');
        if (c == '$' || c == '<' || quote) {
            std::string piece_text = TRY(piece(c, keep_escapes));
            if (words != nullptr) {
                if (c == '$')
                    words->add_plain(piece_text);
                else
                    words->add_quoted(piece_text);
            }
            out += piece_text;
            continue;
        }
        std::string_view bytes = take_rune().second;
        if (!is_escape(c)) {
            if (words != nullptr) words->add_plain(bytes);
            out += bytes;
            continue;
        }
        std::string escaped(keep_escapes ? bytes : std::string_view());
        // An escape at the end is dropped.
        if (!at_end()) escaped += take_rune().second;
        if (words != nullptr) words->add_quoted(escaped);
        out += escaped;
    }
    if (stop != kEnd) {
        return bad(stop == '/' ? "missing '/' in the substitution ${.../pattern/replacement}"
                               : "missing '}' of a variable");
    }
    return out;
}

Result<std::string> Walk::piece(char32_t c, bool keep_escapes) {
    if (c == '$') return dollar();
    if (c == '<') return heredoc_mark();
    return c == '\'' ? single_quoted() : double_quoted(keep_escapes);
}

Result<std::string> Walk::single_quoted() {
    std::size_t begin = position_ + 1;
    std::size_t end = text_.find('\'', begin);
    if (end == std::string_view::npos) return bad("missing the closing single quote");
    position_ = end + 1;
    return std::string(options_.keep_quotes ? text_.substr(begin - 1, end - begin + 2)
                                            : text_.substr(begin, end - begin));
}

Result<std::string> Walk::double_quoted(bool keep_escapes) {
    std::string out;
    take();
    if (options_.keep_quotes) out += '"';
    while (!at_end()) {
        char32_t c = peek();
        if (c == '$') {
            out += TRY(dollar());
            continue;
        }
        std::string_view bytes = take_rune().second;
        if (c == '"') {
            if (options_.keep_quotes) out += '"';
            return out;
        }
        if (is_escape(c)) {
            char32_t next = peek();
            if (keep_escapes) out += bytes;
            if (next == kEnd) break;
            // Others keep the escape character before them.
            if (next == '"' || next == '$' || is_escape(next)) bytes = take_rune().second;
        }
        out += bytes;
    }
    return bad("missing the closing double quote");
}

// "<<" and the blanks behind it bind to the word, so that a here-document's name stays with it.
std::string Walk::heredoc_mark() {
    take();
    if (!take_if('<')) return "<";
    std::string out = "<<";
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') out += take_rune().second;
    return out;
}

Result<std::string> Walk::dollar() {
    take();
    if (peek() == '{') {
        if (depth_ == Expander::kMaxDepth) return bad("variables are nested too deeply");
        ++depth_;
        auto out = braces();
        --depth_;
        return out;
    }
    std::string variable = name();
    if (variable.empty()) return "$";
    const std::string* value = value_of(variable);
    if (keeps(value)) return "$" + variable;
    return value_text(value);
}

Result<std::string> Walk::braces() {
    take();
    char32_t c = peek();
    if (c == kEnd) return bad("missing '}' of a variable");
    if (c == '{' || c == '}' || c == ':') return bad("bad substitution: no name after ${");
    std::string variable = name();
    c = take();
    switch (c) {
        case '}': {
            const std::string* value = value_of(variable);
            if (keeps(value)) return "${" + variable + "}";
            return value_text(value);
        }
        case ':':
        case '-':
        case '+':
        case '?': return with_default(variable, c);
        case '#':
        case '%': return trimmed(variable, c);
        case '/': return replaced(variable);
        default: break;
    }
    if (c == kEnd) return bad("missing '}' of a variable");
    return bad("unsupported substitution in ${" + variable + "...}");
}

Result<std::string> Walk::with_default(const std::string& name, char32_t first) {
    bool colon = first == ':';
    char32_t op = colon ? take() : first;
    if (op == kEnd) return bad("missing '}' of a variable");
    if (op != '-' && op != '+' && op != '?')
        return bad("unsupported substitution in ${" + name + ":...}");
    std::string word = TRY(until('}', false, nullptr));
    if (keeps(env_.find(name))) {
        std::string out = "${" + name;
        if (colon) out += ':';
        return out + static_cast<char>(op) + word + "}";
    }
    return choose(name, op, colon, word);
}

Result<std::string> Walk::choose(const std::string& name, char32_t op, bool colon,
                                 const std::string& word) {
    const std::string* value = env_.find(name);
    bool empty = value != nullptr && value->empty();
    bool missing = value == nullptr || (colon && empty);
    if (op == '-') return missing ? Result<std::string>(word) : value_text(value);
    if (op == '+') return missing ? std::string() : word;
    if (!missing) return value_text(value);
    if (!word.empty()) return bad(name + ": " + word);
    return bad(name + (empty ? ": must not be empty" : ": must be set"));
}

Result<std::string> Walk::trimmed(const std::string& name, char32_t op) {
    std::string word = TRY(until('}', true, nullptr));
    const std::string* value = value_of(name);
    if (keeps(value)) return "${" + name + static_cast<char>(op) + word + "}";
    std::string_view pattern_text = word;
    auto length = ShellPattern::Length::shortest;
    if (pattern_text.starts_with(static_cast<char>(op))) {
        length = ShellPattern::Length::longest;
        pattern_text.remove_prefix(1);
    }
    ShellPattern pattern = TRY(ShellPattern::compile(pattern_text));
    std::string text = TRY(value_text(value));
    TRY(budget_.take_work(pattern.cost(text)));
    if (op == '#') {
        if (auto size = pattern.prefix(text, length)) text.erase(0, *size);
    } else if (auto size = pattern.suffix(text, length)) {
        text.erase(text.size() - *size);
    }
    return text;
}

Result<std::string> Walk::replaced(const std::string& name) {
    bool all = take_if('/');
    std::string pattern_text = TRY(until('/', true, nullptr));
    std::string replacement = TRY(until('}', true, nullptr));
    const std::string* value = value_of(name);
    if (keeps(value)) {
        return "${" + name + (all ? "//" : "/") + pattern_text + "/" + replacement + "}";
    }
    ShellPattern pattern = TRY(ShellPattern::compile(pattern_text));
    std::string text = TRY(value_text(value));
    std::size_t steps = 0;
    auto matches = pattern.find(text, all, steps, Expander::kMaxWork);
    TRY(budget_.take_work(steps));
    TRY(budget_.take_bytes(matches.size() * replacement.size()));
    std::string out;
    std::size_t done = 0;
    for (const ShellPattern::Span& match : matches) {
        out += text.substr(done, match.begin - done) + replacement;
        done = match.end;
    }
    return out + text.substr(done);
}

// Letters, digits and '_'; digits alone where the first is one; one special character alone.
std::string Walk::name() {
    char32_t first = peek();
    if (first == kEnd) return {};
    std::size_t begin = position_;
    if (is_digit(first)) {
        while (is_digit(peek())) take();
    } else if (is_special_parameter(first)) {
        take();
    } else {
        for (char32_t c = first; c != kEnd && (is_letter(c) || is_digit(c) || c == '_'); c = peek())
            take();
    }
    return std::string(text_.substr(begin, position_ - begin));
}

const std::string* Walk::value_of(const std::string& name) {
    const std::string* value = env_.find(name);
    constexpr std::size_t kMaxNoted = 16;
    if (value == nullptr && unset_.size() < kMaxNoted && !std::ranges::count(unset_, name))
        unset_.push_back(name);
    return value;
}

}  // namespace

Result<Expanded> Expander::expand(std::string_view text, const Environment& env) {
    return Walk(text, env, options_, Budget{bytes_, work_}).run();
}

Result<std::string> expand_word(std::string_view text, const Environment& env,
                                ExpandOptions options) {
    Expander expander(options);
    return TRY(expander.expand(text, env)).text;
}

Result<std::vector<std::string>> expand_words(std::string_view text, const Environment& env,
                                              ExpandOptions options) {
    Expander expander(options);
    return TRY(expander.expand(text, env)).words;
}

}  // namespace crank::dockerfile
