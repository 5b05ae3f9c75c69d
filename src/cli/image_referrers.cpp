// image referrers.
#include "transfer/referrers.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/fetch.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/transfer_progress.h"
#include "cli/verbs.h"
#include "registry/lane.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"artifact-type", 0, FlagKind::value, "TYPE", "those of this type alone"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Digest}}"},
    {"no-trunc", 0, FlagKind::boolean, "", "whole digests"},
    {"quiet", 'q', FlagKind::boolean, "", "the digests alone, whole"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr Column kColumns[] = {{"Digest", "DIGEST"},
                               {"ArtifactType", "ARTIFACT TYPE"},
                               {"Size", "SIZE"},
                               {"MediaType", "MEDIA TYPE", false},
                               {"Annotations", "ANNOTATIONS", false}};
constexpr std::string_view kExamples[] = {
    "crank image referrers registry.example/team/worker:1.2",
    "crank image referrers --artifact-type application/spdx+json -q registry.example/worker:1.2"};

Result<int> perform_referrers(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    transfer::Connection connection{TRY(find_crank_net()),
                                    arguments.find_switch("tls-verify").value_or(true),
                                    make_transfer_progress(Direction::pull, true)};
    auto found = TRY(transfer::referrers(connection, arguments.words()[0]));
    std::string wanted = arguments.value("artifact-type");
    bool quiet = arguments.on("quiet"), whole = arguments.on("no-trunc");
    std::vector<Json> rows;
    for (const registry::Referrer& referrer : found.all) {
        if (!wanted.empty() && referrer.artifact_type != wanted) continue;
        if (quiet) print_line(referrer.digest.str());
        bool shorten = !whole && arguments.value("format").empty();
        rows.push_back({{"Digest", shorten ? referrer.digest.short_hex() : referrer.digest.str()},
                        {"ArtifactType", registry::shown(referrer.artifact_type)},
                        {"Size", format_size(referrer.size)},
                        {"MediaType", registry::shown(referrer.media_type)},
                        {"Annotations", referrer.annotations}});
    }
    if (!quiet) print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

}  // namespace

constinit const Verb kImageReferrers = {
    .name = "image referrers",
    .summary = "list signatures and other artifacts of an image in its registry",
    .group = Group::images,
    .syntax = {.flags = kFlags, .min_words = 1, .max_words = 1, .arguments = "NAME[:TAG|@DIGEST]"},
    .examples = kExamples,
    .perform = perform_referrers,
};

}  // namespace crank::cli
