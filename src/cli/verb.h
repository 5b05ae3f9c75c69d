// One verb of the command line: its table and what performs it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/flags.h"
#include "engine/paths.h"

namespace crank::cli {

// What a verb needs of an ordinary user's rights.
enum class Rights : std::uint8_t {
    callers,   // what he has
    ids,       // the ids of his containers where he can have them: files of theirs, processes
    required,  // not without them
};

// What a verb works with.
struct Invocation {
    const Arguments& arguments;
    engine::Paths paths;
    bool debug = false;
};

enum class Group : std::uint8_t { containers, images, machine };

struct Verb {
    std::string_view name;  // "run", "image ls"
    std::string_view summary;
    Group group = Group::containers;
    Syntax syntax;
    std::span<const std::string_view> examples;
    std::string_view others = {};  // verbs that begin with the same word, and mean another thing
    // The exit code of an error that has none of its own: 125 for those that pass on a worker's.
    int engine_failure = 0;  // 0: by the error's code
    Rights rights = Rights::callers;
    // The exit code.
    Result<int> (*perform)(Invocation&) = nullptr;
};

// What crank exits with where the verb fails with this error.
int exit_code_for(const Verb& verb, const Error& error);

std::span<const Verb* const> verbs();
// Other spellings of them.
struct Alias {
    std::string_view typed, name;
    std::string_view flag = {};  // which it means: "image inspect" is inspect --type=image
};
std::span<const Alias> aliases();
// The verb that `words` begin with ("image" "ls"), by name or alias, and how many words it takes.
struct FoundVerb {
    const Verb* verb = nullptr;
    std::size_t words = 0;
    std::string_view flag = {};  // of its alias
};
// Errors: usage (with a did-you-mean), unsupported for Docker's verbs that crank does not have yet.
Result<FoundVerb> find_verb_named(std::span<const std::string_view> words);

std::string help_text(const Verb& verb);
// As it stands above a group's verbs; and a text that begins with a capital letter.
std::string_view heading(Group group);
std::string capital(std::string_view text);
std::string overview_text();

}  // namespace crank::cli
