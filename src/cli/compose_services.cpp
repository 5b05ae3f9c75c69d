#include "cli/compose_services.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cli/compose_words.h"
#include "cli/project.h"
#include "cli/project_up.h"
#include "cli/verbs.h"
#include "deploy/observe.h"
#include "engine/names.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr ServiceVerb kVerbs[] = {
    {"attach", &kAttach, Services::first, Suit::any, "connect to a service's worker", "SERVICE"},
    {"cp", &kCp, Services::paths, Suit::any, "copy files to and from a service's container",
     "SERVICE:PATH DEST|-, SRC|- SERVICE:PATH"},
    {"exec", &kExec, Services::first, Suit::any, "run a command in a service's container",
     "SERVICE COMMAND [ARG...]"},
    {"kill", &kKill, Services::all, Suit::running, "send services a signal"},
    {"logs", &kLogs, Services::all, Suit::any, "print what services have written"},
    {"pause", &kPause, Services::all, Suit::awake, "freeze services"},
    {"port", &kPort, Services::first, Suit::any, "print where a service's port is published",
     "SERVICE PRIVATE_PORT[/PROTOCOL]"},
    {"restart", &kRestart, Services::all, Suit::any, "stop services and start them again"},
    {"start", &kStart, Services::all, Suit::any, "start services that have been stopped"},
    {"stats", &kStats, Services::all, Suit::running, "what services use of the machine"},
    {"stop", &kStop, Services::all, Suit::any, "stop services, and keep their containers"},
    {"top", &kTop, Services::all, Suit::running, "the processes of services"},
    {"unpause", &kUnpause, Services::all, Suit::paused, "let services go on"},
    {"wait", &kWait, Services::all, Suit::any,
     "wait for services to end, and print their exit codes"},
};

constexpr Flag kIndex{"index", 0, FlagKind::value, "NUMBER",
                      "which of the service's containers (the first)"};
constexpr Flag kNoTty{"no-tty", 'T', FlagKind::boolean, "",
                      "no terminal, also where standard input is one"};
constexpr Flag kNoTtyAlias{"no-TTY", 0, FlagKind::boolean, "", "", "no-tty"};
constexpr Flag kNoPrefix{"no-log-prefix", 0, FlagKind::boolean, "", "lines as they were written"};
constexpr Flag kNoColor{"no-color", 0, FlagKind::boolean, "", "nothing: there is none"};

// By which containers are chosen where services are not.
constexpr std::string_view kChoosing[] = {"all", "latest", "filter", "cidfile", "ignore"};

// The base's, and docker compose's own. For the life of the process: arguments point into it.
std::span<const Flag> flags_of(const ServiceVerb& verb) {
    static std::vector<Flag> flags;
    flags.assign(verb.base->syntax.flags.begin(), verb.base->syntax.flags.end());
    // The base asks for them; here they are an error, and no help.
    for (Flag& flag : flags)
        if (std::ranges::find(kChoosing, flag.name) != std::end(kChoosing)) flag.help = {};
    // They stand before the word.
    for (Flag& flag : flags)
        if (std::ranges::find(kProjectFlags, flag.name, &Flag::name) != std::end(kProjectFlags))
            flag.help = {};
    if (verb.services != Services::all) flags.push_back(kIndex);
    if (verb.word == "exec") flags.insert(flags.end(), {kNoTty, kNoTtyAlias});
    if (verb.word == "logs") flags.insert(flags.end(), {kNoPrefix, kNoColor});
    return flags;
}

Verb shown_verb(const ServiceVerb& verb) {
    static std::string name;
    name = "compose " + std::string(verb.word);
    Verb shown = *verb.base;
    shown.name = name;
    shown.summary = verb.summary;
    shown.examples = {};
    shown.others = {};
    shown.syntax.flags = flags_of(verb);
    shown.syntax.arguments = verb.arguments;
    shown.syntax.min_words =
        verb.services == Services::all ? 0 : std::max<std::size_t>(1, verb.base->syntax.min_words);
    shown.syntax.max_words =
        verb.services == Services::all ? kAnyWords : verb.base->syntax.max_words;
    return shown;
}

bool suits(const engine::State& state, Suit suit) {
    switch (suit) {
        case Suit::any: return true;
        case Suit::running: return state.status == engine::Status::running;
        case Suit::awake: return state.status == engine::Status::running && !state.paused;
        case Suit::paused: return state.paused;
    }
    return true;
}

class Containers {
public:
    Containers(deploy::Sight sight, std::string project)
        : sight_(std::move(sight)), project_(std::move(project)) {}

    // Of these services, in the order in which they were made; of none, all.
    Result<std::vector<std::string>> of(const std::vector<std::string>& services, Suit suit) const {
        if (sight_.containers.empty()) return fail(none_at_all());
        for (const std::string& service : services) TRY(check(service));
        std::vector<std::string> names;
        for (std::size_t i = 0; i < sight_.containers.size(); ++i) {
            const deploy::ObservedContainer& one = sight_.observed.containers[i];
            const bool wanted =
                services.empty() || std::ranges::find(services, one.service) != services.end();
            if (wanted && suits(sight_.containers[i].state, suit)) names.push_back(one.name);
        }
        return names;
    }
    // One of it: that with the number, or the first.
    Result<std::string> one_of(const std::string& service,
                               std::optional<std::int64_t> number) const {
        if (sight_.containers.empty()) return fail(none_at_all());
        TRY(check(service));
        const deploy::ObservedContainer* found = nullptr;
        for (const deploy::ObservedContainer& one : sight_.observed.containers)
            if (one.service == service && (!number || one.number == *number) &&
                (!found || one.number < found->number))
                found = &one;
        if (found) return found->name;
        return fail(Error(Code::not_found, "service " + service + " of project " + project_ +
                                               " has no container " + std::to_string(*number))
                        .with_hint("crank status -p " + project_));
    }
    bool has(const std::string& service) const {
        return std::ranges::any_of(sight_.observed.containers,
                                   [&](const auto& one) { return one.service == service; });
    }

private:
    Error none_at_all() const {
        return Error(Code::not_found, "project " + project_ + " has no containers")
            .with_hint("crank up -d");
    }
    Result<> check(const std::string& service) const {
        if (has(service)) return {};
        std::set<std::string> names;
        for (const deploy::ObservedContainer& one : sight_.observed.containers)
            names.insert(one.service);
        return fail(
            Error(Code::not_found,
                  "service " + service + " of project " + project_ + " has no container")
                .with_hint("services with containers: " +
                           join(std::vector<std::string>(names.begin(), names.end()), ", ")));
    }

    deploy::Sight sight_;
    std::string project_;
};

Result<std::optional<std::int64_t>> index_of(const Arguments& typed) {
    if (!typed.knows("index") || !typed.has("index")) return std::optional<std::int64_t>();
    auto number = parse_int(typed.value("index"));
    if (!number || *number < 1)
        return fail(Code::usage, "--index: invalid number \"" + typed.value("index") + "\"");
    return number;
}

Result<> check_choice(const ServiceVerb& verb, const Arguments& typed) {
    for (std::string_view name : kChoosing)
        if (typed.knows(name) && typed.has(name))
            return fail(Error(Code::usage, "--" + std::string(name) + " is not for services")
                            .with_hint("crank compose " + std::string(verb.word) +
                                       " means all of the project, or those that are named"));
    return {};
}

}  // namespace

std::span<const ServiceVerb> service_verbs() { return kVerbs; }

std::optional<std::string> instead_of_containers(const Verb& verb, const Error& error) {
    bool none = error.code() == Code::usage && error.message().starts_with("not enough arguments");
    auto same = std::ranges::find(kVerbs, &verb, &ServiceVerb::base);
    if (!none || !error.hint().empty() || same == std::end(kVerbs)) return std::nullopt;
    return "of the services of a compose project: crank compose " + std::string(same->word);
}

Result<std::optional<ServiceCall>> service_call(std::span<const std::string_view> words) {
    if (words.empty() || words[0] != "compose") return std::optional<ServiceCall>();
    auto at = compose_command_at(words);
    // What is wrong there is said by whoever reads it otherwise.
    if (!at || *at >= words.size()) return std::optional<ServiceCall>();
    auto verb = std::ranges::find(kVerbs, words[*at], &ServiceVerb::word);
    if (verb == std::end(kVerbs)) return std::optional<ServiceCall>();
    const Syntax project{.flags = kProjectFlags};
    return ServiceCall{.verb = verb,
                       .shown = shown_verb(*verb),
                       .project = TRY(parse(project, words.subspan(1, *at - 1))),
                       .rest = {words.begin() + static_cast<std::ptrdiff_t>(*at) + 1, words.end()}};
}

Result<std::optional<Arguments>> for_containers(const ServiceCall& call, const engine::Paths& paths,
                                                const Arguments& typed) {
    TRY(check_choice(*call.verb, typed));
    const std::string project = TRY(project_name(call.project));
    // Of services, too, and of containers that are gone.
    if (call.verb->word == "logs" && typed.has("release")) {
        Arguments asked = typed;
        asked.give("project-name", project);
        return std::optional(std::move(asked));
    }
    const Containers containers(TRY(deploy::observe(paths, project)), project);
    std::vector<std::string> words = typed.words();
    const auto index = TRY(index_of(typed));
    switch (call.verb->services) {
        case Services::all:
            words = TRY(containers.of(words, call.verb->suit));
            if (words.empty()) return std::optional<Arguments>();
            break;
        case Services::first: words[0] = TRY(containers.one_of(words[0], index)); break;
        case Services::paths:
            for (std::string& word : words) {
                const std::size_t colon = word.find(':');
                if (colon == std::string::npos || colon == 0) continue;
                const std::string service = word.substr(0, colon);
                if (service.find('/') != std::string::npos) continue;
                word = TRY(containers.one_of(service, index)) + word.substr(colon);
            }
            break;
    }
    Arguments asked = typed.with_words(std::move(words));
    bool named = call.verb->word == "logs" && !typed.on("no-log-prefix");
    if (named || call.verb->word == "top") asked.switch_on("names");
    if (call.verb->word == "exec" && !typed.on("no-tty") && sys::is_terminal(0)) {
        asked.switch_on("interactive");
        asked.switch_on("tty");
    }
    return std::optional(std::move(asked));
}

std::optional<std::string> change_of(const ServiceCall& call, const Arguments& typed) {
    constexpr std::string_view kChanging[] = {"kill",  "pause", "restart",
                                              "start", "stop",  "unpause"};
    std::string_view word = call.verb->word;
    if (std::ranges::find(kChanging, word) == std::end(kChanging)) return std::nullopt;
    std::vector<std::string> words = {"compose", std::string(word)};
    words.insert(words.end(), typed.words().begin(), typed.words().end());
    return join(words, " ");
}

}  // namespace crank::cli
