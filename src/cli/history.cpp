#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "store/store.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxCommand = 45;  // as Docker cuts it

constexpr Flag kFlags[] = {
    {"human", 'H', FlagKind::boolean, "", "sizes and times for people (on; --human=false: plain)"},
    {"no-trunc", 0, FlagKind::boolean, "", "nothing is shortened"},
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.CreatedBy}}"},
};
constexpr MissingFlag kMissing[] = {
    {"platform", 0, true, "an image is of one platform: leave it out"}};
constexpr std::string_view kExamples[] = {
    "crank history crank-email-classifier",
    "crank history --no-trunc --format '{{.CreatedBy}} {{.Size}}' crank-email-classifier"};
constexpr Column kColumns[] = {
    {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"}, {"Comment", "COMMENT"},      {"CreatedAt", "CREATED AT", false},
};

struct Shown {
    bool whole = false, human = true;
};

std::string cut(const std::string& text, const Shown& shown) {
    if (shown.whole || text.size() <= kMaxCommand) return text;
    return text.substr(0, kMaxCommand - 1) + "…";
}

// What a history says of a time is text that anybody may have written.
std::string since(const std::string& created) {
    auto ns = parse_rfc3339(created);
    return ns ? age_text(*ns) + " ago" : "N/A";
}

Json row_of(const oci::HistoryEntry& entry, const std::string& id, std::int64_t size,
            const Shown& shown) {
    return {{"ID", id},
            {"CreatedSince", shown.human ? since(entry.created) : entry.created},
            {"Created", shown.human ? since(entry.created) : entry.created},
            {"CreatedBy", cut(entry.created_by, shown)},
            {"Size", shown.human ? format_size(size) : std::to_string(size)},
            {"Comment", entry.comment},
            {"CreatedAt", entry.created}};
}

Result<std::vector<Json>> rows_of(store::Store& store, const store::Image& image,
                                  const Shown& shown) {
    std::map<oci::Digest, std::int64_t> sizes;
    for (const store::LayerUse& use : TRY(store.layers()))
        sizes[use.layer.diff_id] = use.layer.size;
    std::vector<Json> rows;
    std::size_t layer = 0;
    for (std::size_t i = 0; i < image.config.history.size(); ++i) {
        const oci::HistoryEntry& entry = image.config.history[i];
        std::int64_t size = 0;
        if (!entry.empty_layer && layer < image.config.diff_ids.size())
            size = sizes[image.config.diff_ids[layer++]];
        bool top = i + 1 == image.config.history.size();
        std::string id = shown.whole ? image.id.str() : image.id.short_hex();
        rows.push_back(row_of(entry, top ? id : "<missing>", size, shown));
    }
    return std::vector<Json>(rows.rbegin(), rows.rend());
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const std::string& name = arguments.words()[0];
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (!store && store.error().code() == Code::not_found)
        return fail(Error(Code::not_found, "no such image: " + name)
                        .with_hint("crank images lists those that are here"));
    if (!store) return fail(std::move(store).error());
    store::Image image = TRY(store->find(name));
    Shown shown{.whole = arguments.on("no-trunc"),
                .human = arguments.find_switch("human").value_or(true)};
    std::vector<Json> rows = TRY(rows_of(*store, image, shown));
    if (arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["ID"].get<std::string>());
        return 0;
    }
    print(TRY(format_list(arguments.value("format"), kColumns, rows)));
    return 0;
}

}  // namespace

constinit const Verb kHistory = {
    .name = "history",
    .summary = "show what an image was made of, the newest first",
    .group = Group::images,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "IMAGE"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
