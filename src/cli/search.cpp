// search: Docker's, over every registry that has either of two lists.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/fetch.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/transfer_progress.h"
#include "cli/verbs.h"
#include "registry/lane.h"
#include "transfer/search.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"filter", 'f', FlagKind::list, "FILTER", "stars=NUMBER is-official=true is-automated=true"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Name}}"},
    {"limit", 0, FlagKind::value, "NUMBER", "at most so many of each registry (25)"},
    {"no-trunc", 0, FlagKind::boolean, "", "whole descriptions"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr Column kColumns[] = {
    {"Name", "NAME"},           {"Description", "DESCRIPTION"},      {"StarCount", "STARS"},
    {"IsOfficial", "OFFICIAL"}, {"IsAutomated", "AUTOMATED", false}, {"Index", "INDEX", false}};
constexpr std::string_view kExamples[] = {"crank search python",
                                          "crank search --filter is-official=true --limit 5 redis",
                                          "crank search registry.example:5000/mail"};
constexpr std::string_view kFilters[] = {"is-automated", "is-official", "stars"};

constexpr std::int64_t kUsualLimit = 25, kMostLimit = 100;  // Docker's
constexpr std::size_t kMaxDescription = 45;                 // as Docker cuts it

struct Wanted {
    std::int64_t stars = 0;
    std::optional<bool> official, automated;
    bool pleases(const registry::Found& found) const {
        return found.stars >= stars && (!official || *official == found.official) &&
               (!automated || *automated == found.automated);
    }
};

Result<Wanted> read_filters(const Arguments& arguments) {
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kFilters));
    Wanted wanted;
    for (const std::string& text : filters.values("stars")) {
        auto number = parse_int(text);
        if (!number || *number < 0)
            return fail(Code::usage, "--filter stars=" + text + ": a number from 0 is wanted");
        wanted.stars = *number;
    }
    for (const std::string& text : filters.values("is-official"))
        wanted.official = TRY(parse_truth(text, "is-official"));
    for (const std::string& text : filters.values("is-automated"))
        wanted.automated = TRY(parse_truth(text, "is-automated"));
    return wanted;
}

// "quay.io/mail" asks that registry, "team/mail" the usual ones.
transfer::SearchRequest read_term(const std::string& typed) {
    transfer::SearchRequest request{.registry = {}, .term = typed};
    std::size_t slash = typed.find('/');
    if (slash == std::string::npos) return request;
    std::string first = typed.substr(0, slash);
    bool host = first.find_first_of(".:") != std::string::npos || first == "localhost";
    if (!host) return request;
    request.registry = first;
    request.term = typed.substr(slash + 1);
    return request;
}

Result<transfer::SearchRequest> read_request(const Arguments& arguments) {
    transfer::SearchRequest request = read_term(arguments.words()[0]);
    std::int64_t limit = kUsualLimit;
    if (auto text = arguments.find("limit")) {
        auto number = parse_int(*text);
        if (!number || *number < 1 || *number > kMostLimit)
            return fail(Code::usage, "--limit: a number from 1 to 100, not \"" + *text + "\"");
        limit = *number;
    }
    request.limit = static_cast<std::size_t>(limit);
    if (request.term.empty() && request.registry.empty())
        return fail(
            Error(Code::usage, "a term to search for is wanted").with_hint("crank search python"));
    return request;
}

// As `crank pull` takes it.
std::string name_of(const transfer::SearchResult& result) {
    std::string name = registry::shown(result.found.name);
    return result.registry == "docker.io" ? name : result.registry + "/" + name;
}

std::string description_of(const registry::Found& found, bool whole) {
    std::string text = registry::shown(found.description);
    if (!whole && text.size() > kMaxDescription) {
        text.resize(kMaxDescription - 1);
        // Not in the middle of a character.
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
            text.pop_back();
        if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
        text += "…";
    }
    return text;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    transfer::SearchRequest request = TRY(read_request(arguments));
    Wanted wanted = TRY(read_filters(arguments));
    transfer::Connection connection{TRY(find_crank_net()),
                                    arguments.find_switch("tls-verify").value_or(true),
                                    make_transfer_progress(Direction::pull, true)};
    std::vector<transfer::SearchResult> results = TRY(transfer::search(connection, request));
    bool table = !arguments.has("format");
    std::vector<Json> rows;
    for (const transfer::SearchResult& result : results) {
        const registry::Found& found = result.found;
        if (!wanted.pleases(found)) continue;
        bool whole = arguments.on("no-trunc") || !table;
        rows.push_back({{"Name", name_of(result)},
                        {"Description", description_of(found, whole)},
                        {"StarCount", std::to_string(found.stars)},
                        {"IsOfficial", table ? (found.official ? "[OK]" : "")
                                             : (found.official ? "true" : "false")},
                        {"IsAutomated", table ? (found.automated ? "[OK]" : "")
                                              : (found.automated ? "true" : "false")},
                        {"Index", result.registry}});
    }
    print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

}  // namespace

constinit const Verb kSearch = {
    .name = "search",
    .summary = "look for images in registries",
    .group = Group::images,
    .syntax = {.flags = kFlags, .min_words = 1, .max_words = 1, .arguments = "[REGISTRY/]TERM"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
