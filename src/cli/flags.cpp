#include "cli/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"

namespace crank::cli {
namespace {

constexpr Flag kGlobalFlags[] = {
    {"root", 0, FlagKind::value, "DIR", "where images and containers are kept"},
    {"state", 0, FlagKind::value, "DIR", "where what ends with the machine is kept"},
    {"config", 0, FlagKind::value, "FILE", "the configuration file"},
    {"debug", 'D', FlagKind::boolean, "", "errors say where in the source they come from"},
    {"help", 0, FlagKind::boolean, "", "print this text"},
};

struct Tables {
    const Syntax& syntax;

    const Flag* by_name(std::string_view name) const {
        for (std::span<const Flag> table : {syntax.flags, global_flags()})
            for (const Flag& flag : table)
                if (flag.name == name) return resolve(flag);
        return nullptr;
    }
    const Flag* by_letter(char letter) const {
        for (std::span<const Flag> table : {syntax.flags, global_flags()})
            for (const Flag& flag : table)
                if (flag.letter == letter) return resolve(flag);
        // -h is help where the verb has no other use for it (`run` has: --hostname).
        return letter == 'h' ? by_name("help") : nullptr;
    }
    const Flag* resolve(const Flag& flag) const {
        return flag.alias_of.empty() ? &flag : by_name(flag.alias_of);
    }
    const MissingFlag* missing(std::string_view name, char letter) const {
        for (const MissingFlag& flag : syntax.missing)
            if ((!name.empty() && flag.name == name) || (letter != 0 && flag.letter == letter))
                return &flag;
        return nullptr;
    }
};

Error unknown_long(const Tables& tables, std::string_view name) {
    std::vector<std::string_view> known;
    for (std::span<const Flag> table : {tables.syntax.flags, global_flags()})
        for (const Flag& flag : table) known.push_back(flag.name);
    Error error(Code::usage, "unknown flag: --" + std::string(name));
    if (auto near = did_you_mean(name, known))
        return std::move(error).with_hint("did you mean --" + *near + "?");
    return error;
}

Error not_supported(const MissingFlag& flag) {
    Error error(Code::unsupported, "--" + std::string(flag.name) + " is not supported yet");
    if (flag.instead.empty()) return error;
    return std::move(error).with_hint(std::string(flag.instead));
}

std::optional<bool> parse_bool(std::string_view text) {
    for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == yes) return true;
    for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == no) return false;
    return std::nullopt;
}

std::string spelled(const Flag& flag) { return "--" + std::string(flag.name); }

// Reads one word after the other; what a flag takes from the next word it takes here.
class Parser {
public:
    Parser(const Syntax& syntax, std::span<const std::string_view> words)
        : tables_{syntax}, words_(words) {}

    struct Found {
        const Flag* flag;
        std::string value;
    };

    Result<> run() {
        while (next_ < words_.size()) {
            std::string_view word = words_[next_++];
            if (word == "--") {
                rest_is_words();
            } else if (word.starts_with("--")) {
                TRY(long_flag(word.substr(2)));
            } else if (word.size() > 1 && word[0] == '-') {
                TRY(short_flags(word.substr(1)));
            } else {
                free_.emplace_back(word);
                if (tables_.syntax.first_word_ends_flags) rest_is_words();
            }
        }
        return {};
    }

    std::vector<Found> found_;
    std::vector<std::string> free_;

private:
    void rest_is_words() {
        for (; next_ < words_.size(); ++next_) free_.emplace_back(words_[next_]);
    }

    Result<> long_flag(std::string_view text) {
        std::size_t equals = text.find('=');
        std::string_view name = text.substr(0, equals);
        std::optional<std::string_view> value;
        if (equals != std::string_view::npos) value = text.substr(equals + 1);
        const Flag* flag = tables_.by_name(name);
        if (flag == nullptr) {
            if (const MissingFlag* known = tables_.missing(name, 0))
                return fail(not_supported(*known));
            return fail(unknown_long(tables_, name));
        }
        if (flag->kind == FlagKind::boolean) return add_switch(*flag, value.value_or("true"));
        if (!value && flag->kind == FlagKind::optional) value = "true";
        if (!value) value = TRY(next_word(*flag));
        found_.push_back({flag, std::string(*value)});
        return {};
    }

    Result<> short_flags(std::string_view letters) {
        for (std::size_t i = 0; i < letters.size(); ++i) {
            const Flag* flag = tables_.by_letter(letters[i]);
            if (flag == nullptr) {
                if (const MissingFlag* known = tables_.missing("", letters[i]))
                    return fail(not_supported(*known));
                std::string error = "unknown flag: -" + std::string(1, letters[i]);
                if (letters.size() > 1) error += " in -" + std::string(letters);
                return fail(Code::usage, error);
            }
            std::string_view rest = letters.substr(i + 1);
            if (flag->kind == FlagKind::boolean) {
                if (rest.starts_with("=")) return add_switch(*flag, rest.substr(1));
                TRY(add_switch(*flag, "true"));
                continue;
            }
            if (flag->kind == FlagKind::optional && !rest.starts_with("=")) {
                found_.push_back({flag, "true"});
                continue;
            }
            if (rest.starts_with("=")) rest.remove_prefix(1);
            if (rest.empty()) rest = TRY(next_word(*flag));
            found_.push_back({flag, std::string(rest)});
            return {};
        }
        return {};
    }

    Result<> add_switch(const Flag& flag, std::string_view text) {
        std::optional<bool> on = parse_bool(text);
        if (!on)
            return fail(Code::usage, "invalid value \"" + std::string(text) + "\" for " +
                                         spelled(flag) + ": true or false");
        found_.push_back({&flag, *on ? "true" : "false"});
        return {};
    }

    Result<std::string_view> next_word(const Flag& flag) {
        if (next_ == words_.size())
            return fail(Error(Code::usage, spelled(flag) + " needs a value")
                            .with_hint(spelled(flag) + " " + std::string(flag.value_name)));
        return words_[next_++];
    }

    Tables tables_;
    std::span<const std::string_view> words_;
    std::size_t next_ = 0;
};

Result<> check_count(const Syntax& syntax, std::size_t count) {
    if (count >= syntax.min_words && count <= syntax.max_words) return {};
    if (syntax.max_words == 0) return fail(Code::usage, "takes no arguments");
    std::string wanted = std::string(syntax.arguments);
    return fail(Code::usage, count < syntax.min_words ? "not enough arguments, wanted: " + wanted
                                                      : "too many arguments, wanted: " + wanted);
}

[[noreturn]] void no_such_flag(std::string_view name) {
    std::fprintf(stderr, "crank: bug: no flag --%.*s in this verb's table\n",
                 static_cast<int>(name.size()), name.data());
    std::abort();
}

}  // namespace

std::span<const Flag> global_flags() { return kGlobalFlags; }

std::string spelled_with_value(const Flag& flag) {
    std::string value(flag.value_name);
    if (takes_word(flag)) return spelled(flag) + " " + value;
    return spelled(flag) + (flag.kind == FlagKind::optional ? "[=" + value + "]" : "");
}

const Arguments::Given* Arguments::last(std::string_view name) const {
    auto it = std::find_if(given_.rbegin(), given_.rend(),
                           [&](const Given& given) { return given.flag->name == name; });
    if (it != given_.rend()) return &*it;
    for (std::span<const Flag> table : {flags_, global_flags()})
        for (const Flag& flag : table)
            if (flag.name == name) return nullptr;
    no_such_flag(name);
}

bool Arguments::knows(std::string_view name) const {
    for (std::span<const Flag> table : {flags_, global_flags()})
        for (const Flag& flag : table)
            if (flag.name == name) return true;
    return false;
}

Arguments Arguments::with_words(std::vector<std::string> words) const {
    Arguments other = *this;
    other.words_ = std::move(words);
    return other;
}

void Arguments::switch_on(std::string_view name) { give(name, "true"); }

void Arguments::give(std::string_view name, std::string value) {
    const auto flag = std::ranges::find(flags_, name, &Flag::name);
    if (flag != flags_.end()) given_.push_back({&*flag, std::move(value)});
}

bool Arguments::on(std::string_view name) const { return find_switch(name).value_or(false); }

std::optional<bool> Arguments::find_switch(std::string_view name) const {
    const Given* given = last(name);
    if (given == nullptr) return std::nullopt;
    return given->value == "true";
}

bool Arguments::has(std::string_view name) const { return last(name) != nullptr; }

std::optional<std::string> Arguments::find(std::string_view name) const {
    const Given* given = last(name);
    if (given == nullptr) return std::nullopt;
    return given->value;
}

std::string Arguments::value(std::string_view name, std::string_view otherwise) const {
    return find(name).value_or(std::string(otherwise));
}

std::vector<std::string> Arguments::values(std::string_view name) const {
    std::vector<std::string> all;
    if (last(name) == nullptr) return all;
    for (const Given& given : given_)
        if (given.flag->name == name) all.push_back(given.value);
    return all;
}

Result<Arguments> parse(const Syntax& syntax, std::span<const std::string_view> words) {
    Parser parser(syntax, words);
    TRY(parser.run());
    Arguments arguments;
    arguments.flags_ = syntax.flags;
    for (Parser::Found& found : parser.found_)
        arguments.given_.push_back({found.flag, std::move(found.value)});
    arguments.words_ = std::move(parser.free_);
    if (!arguments.on("help")) TRY(check_count(syntax, arguments.words_.size()));
    return arguments;
}

Result<std::size_t> find_verb(std::span<const std::string_view> words) {
    Tables tables{Syntax{}};
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view word = words[i];
        if (word.size() < 2 || word[0] != '-') return i;
        const Flag* flag = nullptr;
        bool has_value = word.find('=') != std::string_view::npos;
        if (word.starts_with("--"))
            flag = tables.by_name(word.substr(2, word.find('=') - 2));
        else if (word.size() == 2)
            flag = tables.by_letter(word[1]);
        if (flag == nullptr)
            return fail(Error(Code::usage, "unknown flag: " + std::string(word))
                            .with_hint("flags of a command stand behind it: crank COMMAND " +
                                       std::string(word)));
        if (takes_word(*flag) && !has_value) ++i;
    }
    return words.size();
}

}  // namespace crank::cli
