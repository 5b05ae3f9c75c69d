#include "cli/compose_words.h"

#include <algorithm>

#include "base/text.h"
#include "cli/compose_services.h"
#include "cli/project.h"

namespace crank::cli {
namespace {

constexpr MissingFlag kMissing[] = {
    {"all-resources", 0, false, "crank config"},
    {"ansi", 0, true, "NO_COLOR=1"},
    {"compatibility", 0, false, "containers are called PROJECT-SERVICE-NUMBER; container_name"},
    {"dry-run", 0, false, "crank plan"},
    {"insecure-registry", 0, true, "crank pull --tls-verify=false IMAGE first"},
    {"parallel", 0, true, "leave it out"},
    {"progress", 0, true, "BUILDKIT_PROGRESS=plain"},
};

struct Word {
    std::string_view word, instead;
};
// The table of docs/guide/compose.md, for a service web of the project shop.
constexpr Word kWords[] = {
    {"convert", "crank config"},
    {"create", "crank up --no-start"},
    {"events", "crank events --filter label=com.docker.compose.project=shop"},
    {"export", "crank export shop-web-1"},
    {"images", "crank config --images"},
    {"ls", "crank ps --filter label=com.docker.compose.project"},
    {"push", "crank push IMAGE"},
    {"rm", "crank rm shop-web-1"},
    {"run", "crank run --rm --network shop_default shop-web COMMAND"},
    {"version", "crank version"},
    {"volumes", "crank config --volumes"},
};

const Flag* project_flag(std::string_view word) {
    auto found = std::ranges::find_if(kProjectFlags, [&](const Flag& flag) {
        return word.starts_with("--") ? flag.name == word.substr(2, word.find('=') - 2)
                                      : flag.letter != 0 && flag.letter == word[1];
    });
    return found == std::end(kProjectFlags) ? nullptr : found;
}

std::unexpected<Error> unknown(std::string_view word) {
    std::string_view name = word.substr(0, word.find('='));
    for (const MissingFlag& missing : kMissing)
        if (name == "--" + std::string(missing.name))
            return fail(Error(Code::unsupported,
                              "crank compose " + std::string(name) + " is not supported yet")
                            .with_hint(missing.instead.empty() ? "leave it out"
                                                               : std::string(missing.instead)));
    return fail(Error(Code::usage, "unknown flag: " + std::string(name))
                    .with_hint("before the command of crank compose stand -f, -p, "
                               "--profile, --env, --env-file, --project-directory"));
}

}  // namespace

Result<std::size_t> compose_command_at(std::span<const std::string_view> words) {
    std::size_t at = 1;
    while (at < words.size() && words[at].size() > 1 && words[at][0] == '-') {
        std::string_view word = words[at];
        if (word == "--help" || word == "-h") break;
        if (project_flag(word) == nullptr) return unknown(word);
        bool has_value = word.starts_with("--") ? word.contains('=') : word.size() > 2;
        at += has_value ? 1 : 2;
    }
    if (at > words.size())
        return fail(Error(Code::usage, "flag " + std::string(words.back()) + " wants a value")
                        .with_hint("crank compose -f FILE up -d"));
    return at;
}

Result<std::vector<std::string_view>> compose_words(std::span<const std::string_view> words) {
    std::vector<std::string_view> all(words.begin(), words.end());
    if (all.empty() || all[0] != "compose") return all;
    const std::size_t at = TRY(compose_command_at(words));
    // The command to the front of its flags.
    if (at < all.size())
        std::rotate(all.begin() + 1, all.begin() + at, all.begin() + at + 1);
    else if (at > 1)
        all.resize(1);
    return all;
}

std::optional<std::string> compose_help(std::span<const std::string_view> words, bool asked) {
    if (words.empty() || words[0] != "compose") return std::nullopt;
    if (words.size() > 1) asked = words[1] == "--help" || words[1] == "-h";
    if (!asked) return std::nullopt;
    std::string text =
        "Usage: crank compose [FLAGS] COMMAND ...\n\nbuild, pull, up, down, config, ps and "
        "watch are crank compose build and pull, crank up, down, config, status and dev; --help "
        "behind one of them says more.\n\nOver services, or all of them:\n";
    constexpr std::size_t kColumn = 12;
    for (const ServiceVerb& verb : service_verbs())
        text += "  " + std::string(verb.word) + std::string(kColumn - verb.word.size(), ' ') +
                std::string(verb.summary) + "\n";
    text += "\nFlags:\n";
    for (const Flag& flag : kProjectFlags)
        text += "  --" + std::string(flag.name) + " " + std::string(flag.value_name) + ": " +
                std::string(flag.help) + "\n";
    text += "\nDocker compose's other words, of a service web of the project shop:\n";
    for (const Word& one : kWords)
        text += "  " + std::string(one.word) + std::string(kColumn - one.word.size(), ' ') +
                std::string(one.instead) + "\n";
    return text;
}

// Of crank's own over projects, which docker compose has not.
constexpr Word kOwn[] = {
    {"audit", "crank audit"},        {"deploy", "crank deploy"},     {"dev", "crank dev"},
    {"diff", "crank releases diff"}, {"lock", "crank lock"},         {"plan", "crank plan"},
    {"releases", "crank releases"},  {"rollback", "crank rollback"}, {"status", "crank status"},
    {"unlock", "crank unlock"},
};

std::optional<std::string> instead_of_compose(std::string_view word) {
    if (auto own = std::ranges::find(kOwn, word, &Word::word); own != std::end(kOwn))
        return std::string(own->instead);
    std::vector<std::string_view> known{"build", "config", "down", "ps",
                                        "pull",  "scale",  "up",   "watch"};
    for (const ServiceVerb& verb : service_verbs()) known.push_back(verb.word);
    for (const Word& one : kWords) known.push_back(one.word);
    const auto near = did_you_mean(word, known);
    if (!near) return std::nullopt;
    auto found = std::ranges::find(kWords, *near, &Word::word);
    if (found == std::end(kWords)) return "did you mean crank compose " + *near + "?";
    bool example = found->instead.contains("shop");
    return std::string(example ? "of a service web of the project shop: " : "") +
           std::string(found->instead);
}

}  // namespace crank::cli
