// Docker compose's verbs over services: crank's verbs over containers, with services in the place
// of names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/verb.h"

namespace crank::cli {

// Which words of such a verb are services.
enum class Services : std::uint8_t {
    all,    // each; none means all of the project
    first,  // one, and what is behind it is the verb's own
    paths,  // those before a colon: SERVICE:/path
};

// To which of them the verb has something to do; the others are passed over, as docker compose
// does.
enum class Suit : std::uint8_t { any, running, awake, paused };

struct ServiceVerb {
    std::string_view word;
    const Verb* base;
    Services services = Services::all;
    Suit suit = Suit::any;
    std::string_view summary;
    std::string_view arguments = "[SERVICE...]";
};
std::span<const ServiceVerb> service_verbs();
// Where a verb over containers was typed without one: the same over services.
std::optional<std::string> instead_of_containers(const Verb& verb, const Error& error);

// "compose -p shop logs -f web", taken apart.
struct ServiceCall {
    const ServiceVerb* verb;
    Verb shown;         // the base, by docker compose's name and with its flags
    Arguments project;  // -f, -p, ... before the word
    std::vector<std::string_view> rest;
};
// Nothing: they begin otherwise. Errors: usage (flags before the word).
Result<std::optional<ServiceCall>> service_call(std::span<const std::string_view> words);

// What the base is asked for: containers of these services. Nothing: none of them suits. Errors:
// usage; not_found (the project, or a service of it, has no container).
Result<std::optional<Arguments>> for_containers(const ServiceCall& call, const engine::Paths& paths,
                                                const Arguments& typed);

// What of it `crank audit` tells: "compose restart web". Nothing: it changes nothing of the
// project.
std::optional<std::string> change_of(const ServiceCall& call, const Arguments& typed);

}  // namespace crank::cli
