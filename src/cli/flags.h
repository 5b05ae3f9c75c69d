// The command line as data: a verb is a table of flags, from which parsing, `--help` and the
// reference pages are made.
//
// Docker's conventions: bundled short flags (-it), values behind '=' or in the next word (-p80:80
// too), booleans as --flag or --flag=false, "--" ends the flags, and for `run` and `exec` the first
// word that is no flag ends them too: what follows belongs to the worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

enum class FlagKind : std::uint8_t {
    boolean,
    optional,  // a word alone ("true"), or with a value behind =
    value,     // the last one counts
    list,      // every one counts
};

struct Flag {
    std::string_view name;  // without dashes
    char letter = 0;        // 0: none
    FlagKind kind = FlagKind::boolean;
    std::string_view value_name;  // in the help: "PORT"
    std::string_view help;        // empty: not shown
    std::string_view alias_of;    // another spelling of that flag
};
// Whether the next word of the command line is its value.
inline bool takes_word(const Flag& flag) {
    return flag.kind == FlagKind::value || flag.kind == FlagKind::list;
}
// "--pull", "--pull=POLICY", "--pull POLICY", as the help writes it.
std::string spelled_with_value(const Flag& flag);

// A flag that people know from Docker and that crank does not have yet: the error says so.
struct MissingFlag {
    std::string_view name;
    char letter = 0;
    bool takes_value = false;
    std::string_view instead = {};  // the nearest thing that crank has
};

struct Syntax {
    std::span<const Flag> flags;
    std::span<const MissingFlag> missing;
    std::size_t min_words = 0, max_words = 0;  // kAnyWords: no maximum
    bool first_word_ends_flags = false;
    std::string_view arguments;  // "IMAGE [COMMAND] [ARG...]"
};
inline constexpr std::size_t kAnyWords = SIZE_MAX;

// What was typed. Asking for a flag that the table does not have is a bug and ends the program.
class Arguments {
public:
    // Boolean flags.
    bool on(std::string_view name) const;
    // Whether the verb has such a flag at all: for what several verbs share.
    bool knows(std::string_view name) const;
    std::optional<bool> find_switch(std::string_view name) const;
    // Flags with values.
    bool has(std::string_view name) const;
    std::optional<std::string> find(std::string_view name) const;  // the last one
    std::string value(std::string_view name, std::string_view otherwise = "") const;
    std::vector<std::string> values(std::string_view name) const;
    // What is no flag, in order.
    const std::vector<std::string>& words() const { return words_; }
    // The same flags with other words.
    Arguments with_words(std::vector<std::string> words) const;
    void switch_on(std::string_view name);
    void give(std::string_view name, std::string value);

private:
    friend Result<Arguments> parse(const Syntax&, std::span<const std::string_view>);
    struct Given {
        const Flag* flag;
        std::string value;  // "true" or "false" of a boolean one
    };
    const Given* last(std::string_view name) const;

    std::span<const Flag> flags_;
    std::vector<Given> given_;
    std::vector<std::string> words_;
};

// Flags that every verb has; they may also stand before the verb.
std::span<const Flag> global_flags();

// Errors: usage (unknown flag with a did-you-mean, missing value, too many or too few words),
// unsupported (a MissingFlag).
Result<Arguments> parse(const Syntax& syntax, std::span<const std::string_view> words);

// How far the global flags in front of the verb reach: the index of the verb in `words`, or its
// size. Only those flags are known there.
Result<std::size_t> find_verb(std::span<const std::string_view> words);

}  // namespace crank::cli
