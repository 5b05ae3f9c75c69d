#include "cli/completion.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/networks/store.h"
#include "engine/processes.h"
#include "oci/reference.h"
#include "store/store.h"

namespace crank::cli {
namespace {

constexpr std::string_view kShells[] = {"bash", "zsh", "fish"};
constexpr std::string_view kExamples[] = {
    "source <(crank completion bash)",
    "crank completion zsh >\"${fpath[1]}/_crank\"",
    "crank completion fish >~/.config/fish/completions/crank.fish",
};

// Each asks crank itself, so that it knows the verbs of the crank that is there, and names that
// exist now. Lines: "WORD<tab>HELP"; ":files" where files are wanted too.
constexpr std::string_view kBash = R"(# crank completion bash
_crank() {
    local word words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    # bash takes '=' and ':' as words of their own
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cur cwords cword
        _get_comp_words_by_ref -n =: -w cwords -i cword cur
        words=("${cwords[@]:1:cword}")
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [ "$word" = :files ]; then
            compopt -o default
        else
            COMPREPLY+=("$word")
        fi
    done < <(crank __complete -- "${words[@]}" 2>/dev/null)
    if declare -F __ltrimcolon_completions >/dev/null; then __ltrimcolon_completions "$cur"; fi
}
complete -F _crank crank
)";
constexpr std::string_view kZsh = R"(#compdef crank
# crank completion zsh
_crank() {
    local -a offered
    local line word help files
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            files=1
            continue
        fi
        word=${line%%$'\t'*} help=${line#*$'\t'}
        offered+=("${word//:/\\:}:$help")
    done < <(crank __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe crank offered
    if [[ -n $files ]]; then _files; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _crank "$@"; else compdef _crank crank; fi
)";
constexpr std::string_view kFish = R"(# crank completion fish
function __crank_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    crank __complete -- $words 2>/dev/null | while read -l line
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c crank -f -a '(__crank_complete)'
)";

void offer(Offered& offered, std::string_view typed, std::string text, std::string_view help) {
    if (text.starts_with(typed)) offered.candidates.push_back({std::move(text), std::string(help)});
}

// A verb's word behind those that stand already ("image" before "ls").
void offer_verbs(Offered& offered, std::string_view before, std::string_view typed) {
    std::string prefix = before.empty() ? "" : std::string(before) + " ";
    std::set<std::string, std::less<>> seen;
    auto add = [&](std::string_view name, std::string_view help) {
        if (!name.starts_with(prefix) || name.starts_with('_')) return;
        name.remove_prefix(prefix.size());
        std::size_t space = name.find(' ');
        std::string word(name.substr(0, space));
        if (seen.insert(word).second)
            offer(offered, typed, word, space == std::string_view::npos ? help : "more of them");
    };
    for (const Verb* verb : verbs()) add(verb->name, verb->summary);
    for (const Alias& alias : aliases()) add(alias.typed, "crank " + std::string(alias.name));
}

const Flag* find_flag(const Verb& verb, std::string_view word) {
    for (std::span<const Flag> flags : {verb.syntax.flags, global_flags()})
        for (const Flag& flag : flags) {
            if (word == "--" + std::string(flag.name)) return &flag;
            if (flag.letter != 0 && word == std::string("-") + flag.letter) return &flag;
        }
    return nullptr;
}

void offer_flags(Offered& offered, const Verb& verb, std::string_view typed) {
    for (std::span<const Flag> flags : {verb.syntax.flags, global_flags()})
        for (const Flag& flag : flags)
            if (!flag.help.empty()) offer(offered, typed, "--" + std::string(flag.name), flag.help);
}

// "always|missing|never": these; otherwise it may be a file.
void offer_values(Offered& offered, const Flag& flag, std::string_view typed) {
    offered.files = true;
    if (flag.value_name.find('|') == std::string_view::npos) return;
    offered.files = false;
    for (const std::string& value : split(flag.value_name, '|'))
        if (value == to_lower(value)) offer(offered, typed, value, "");
}

// What stands at this place: "CONTAINER [CONTAINER...]", "IMAGE [COMMAND] [ARG...]".
void offer_words(Offered& offered, const Verb& verb, std::size_t at, std::string_view typed,
                 const LiveNames& names) {
    std::vector<std::string> places = split(verb.syntax.arguments, ' ');
    const std::string& place = places[std::min(at, places.size() - 1)];
    bool containers = place.find("CONTAINER") != std::string::npos;
    bool images =
        place.find("IMAGE") != std::string::npos || place.find("TAG") != std::string::npos;
    offered.files = !containers && !images;
    if (containers)
        for (std::string& name : names.containers())
            offer(offered, typed, std::move(name), "container");
    bool networks = place.find("NETWORK") != std::string::npos;
    if (networks) offered.files = false;
    if (networks && names.networks)
        for (std::string& name : names.networks())
            offer(offered, typed, std::move(name), "network");
    if (images)
        for (std::string& name : names.images()) offer(offered, typed, std::move(name), "image");
    if (place.find('|') != std::string::npos && !containers && !images) {
        Flag choice{"", 0, FlagKind::value, place, "", ""};
        offer_values(offered, choice, typed);
    }
    // A path in a container has a file on the other side.
    if (place.find("PATH") != std::string::npos) offered.files = true;
}

Offered complete_verb(const Verb& verb, std::span<const std::string_view> words,
                      const LiveNames& names) {
    Offered offered;
    std::string_view typed = words.back();
    std::size_t positional = 0;
    const Flag* wants_value = nullptr;
    bool flags_end = false;
    for (std::string_view word : words.first(words.size() - 1)) {
        if (wants_value != nullptr) {
            wants_value = nullptr;
        } else if (!flags_end && word == "--") {
            flags_end = true;
        } else if (!flags_end && word.starts_with('-') && word != "-") {
            const Flag* flag = find_flag(verb, word);
            if (flag != nullptr && takes_word(*flag)) wants_value = flag;
        } else {
            ++positional;
            flags_end = flags_end || verb.syntax.first_word_ends_flags;
        }
    }
    if (wants_value != nullptr)
        offer_values(offered, *wants_value, typed);
    else if (!flags_end && typed.starts_with('-'))
        offer_flags(offered, verb, typed);
    else if (verb.syntax.max_words == kAnyWords || positional < verb.syntax.max_words)
        offer_words(offered, verb, positional, typed, names);
    return offered;
}

std::vector<std::string> container_names(const engine::Paths& paths) {
    std::vector<std::string> names;
    if (auto containers = engine::list(paths))
        for (const engine::Container& container : *containers)
            names.push_back(engine::shown_name(container.record));
    return names;
}

std::vector<std::string> image_names(const engine::Paths& paths) {
    std::vector<std::string> names;
    Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store) return names;
    if (auto images = store->list())
        for (const store::Image& image : *images)
            for (const std::string& tag : image.tags)
                if (auto reference = oci::Reference::parse(tag))
                    names.push_back(reference->familiar());
    return names;
}

std::vector<std::string> network_names(const engine::Paths& paths) {
    std::vector<std::string> names;
    if (auto networks = engine::networks::list(paths))
        for (const auto& network : *networks) names.push_back(network.name);
    return names;
}

Result<int> perform(Invocation& invocation) {
    const std::string& shell = invocation.arguments.words()[0];
    if (shell == "bash") return print(kBash), 0;
    if (shell == "zsh") return print(kZsh), 0;
    if (shell == "fish") return print(kFish), 0;
    Error error(Code::usage, "no completion for \"" + shell + "\"");
    auto near = did_you_mean(shell, kShells);
    return fail(std::move(error).with_hint(near ? "did you mean " + *near + "?"
                                                : "one of bash, zsh, fish"));
}

Result<int> perform_complete(Invocation& invocation) {
    std::vector<std::string_view> words(invocation.arguments.words().begin(),
                                        invocation.arguments.words().end());
    if (words.empty()) words.emplace_back();
    LiveNames names{.containers = [&] { return container_names(invocation.paths); },
                    .images = [&] { return image_names(invocation.paths); },
                    .networks = [&] { return network_names(invocation.paths); }};
    Offered offered = complete(words, names);
    for (const Candidate& candidate : offered.candidates)
        print_line(candidate.text + "\t" + candidate.help);
    if (offered.files) print_line(":files");
    return 0;
}

}  // namespace

Offered complete(std::span<const std::string_view> words, const LiveNames& names) {
    Result<std::size_t> at = find_verb(words.first(words.size() - 1));
    if (at) words = words.subspan(*at);
    Offered offered;
    std::string_view typed = words.back();
    if (words.size() == 1 && typed.starts_with('-')) {
        for (const Flag& flag : global_flags())
            offer(offered, typed, "--" + std::string(flag.name), flag.help);
        return offered;
    }
    if (words.size() == 1) {
        offer_verbs(offered, "", typed);
        return offered;
    }
    // "image" alone is no verb, and "image ls" is one.
    Result<FoundVerb> found = find_verb_named(words.first(words.size() - 1));
    if (found) offered = complete_verb(*found->verb, words.subspan(found->words), names);
    if (words.size() == 2) offer_verbs(offered, words[0], typed);
    return offered;
}

constinit const Verb kCompletion = {
    .name = "completion",
    .summary = "print what makes a shell complete crank's words",
    .group = Group::machine,
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "bash|zsh|fish"},
    .examples = kExamples,
    .perform = perform,
};
// For the scripts above.
constinit const Verb kComplete = {
    .name = "__complete",
    .group = Group::machine,
    .syntax = {.max_words = kAnyWords, .arguments = "-- WORD..."},
    .perform = perform_complete,
};

}  // namespace crank::cli
