// images.
#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "build/glob.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "oci/reference.h"
#include "store/store.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::system_clock::time_point;

constexpr Flag kFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "as Docker's: crank keeps no images between steps"},
    {"digests", 0, FlagKind::boolean, "", "what registries call them"},
    {"filter", 'f', FlagKind::list, "FILTER",
     "dangling= reference= before= since= (after=) label= until="},
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
    {"no-trunc", 0, FlagKind::boolean, "", "nothing is shortened"},
    {"noheading", 'n', FlagKind::boolean, "", "without the line of headings"},
    {"sort", 0, FlagKind::value, "COLUMN",
     "by a column's text: repository, tag; size: the largest first"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Repository}}"},
};
constexpr MissingFlag kMissing[] = {{"tree", 0, false, "crank image tree NAME"}};
constexpr std::string_view kExamples[] = {
    "crank images", "crank images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
    "crank images --filter 'reference=crank-*' --filter since=crank-worker-base"};
constexpr Column kColumns[] = {
    {"Repository", "REPOSITORY"},       {"Tag", "TAG"},
    {"Digest", "DIGEST", false},        {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},        {"Size", "SIZE"},
    {"CreatedAt", "CREATED AT", false}, {"Containers", "CONTAINERS", false},
};
constexpr std::string_view kFilters[] = {"after",     "before", "dangling", "label",
                                         "reference", "since",  "until"};

// When it came to this machine: the time inside a reproducible image says nothing about it.
std::int64_t added_ns(const store::Image& image) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(image.added.time_since_epoch())
        .count();
}

// Component by component: '*' stops at '/'.
bool matches_path(const std::string& pattern, const std::string& text) {
    std::vector<std::string> patterns = split(pattern, '/'), parts = split(text, '/');
    if (patterns.size() != parts.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (!build::glob_matches(patterns[i], parts[i])) return false;
    return true;
}

// What is shown of the images, by the command line.
class Listing {
public:
    static Result<Listing> make(store::Store& store, const Arguments& arguments,
                                const Filters& filters) {
        Listing listing(store, arguments, filters);
        if (filters.has("dangling"))
            listing.dangling_ = TRY(parse_truth(filters.values("dangling").back(), "dangling"));
        for (const std::string& pattern : filters.values("reference"))
            for (const std::string& part : split(pattern, '/'))
                TRY_IN(build::check_glob(part), "--filter reference=" + pattern);
        listing.before_ = TRY(listing.time_of("before"));
        listing.since_ = TRY(listing.time_of(filters.has("after") ? "after" : "since"));
        if (filters.has("until")) {
            auto age = parse_duration(filters.values("until").back());
            if (!age)
                return fail(
                    std::move(age).error().with_code(Code::usage).with_context("--filter until"));
            listing.until_ =
                std::chrono::system_clock::now() - std::chrono::duration_cast<Time::duration>(*age);
        }
        if (!arguments.words().empty()) listing.wanted_ = arguments.words()[0];
        return listing;
    }

    Result<std::vector<Json>> rows(const std::vector<store::Image>& images) {
        std::vector<Json> rows;
        for (const store::Image& image : images) {
            if (!is_wanted(image)) continue;
            if (image.tags.empty()) {
                if (wanted_.empty() && !filters_.has("reference"))
                    rows.push_back(TRY(row(image, "<none>", "<none>", "")));
                continue;
            }
            for (const std::string& tag : image.tags) {
                oci::Reference reference = TRY(oci::Reference::parse(tag));
                if (is_wanted(reference))
                    rows.push_back(TRY(
                        row(image, reference.familiar_name(), reference.tag, reference.name())));
            }
        }
        return rows;
    }

private:
    Listing(store::Store& store, const Arguments& arguments, const Filters& filters)
        : store_(store), arguments_(arguments), filters_(filters) {}

    Result<std::optional<Time>> time_of(const char* key) {
        if (!filters_.has(key)) return std::optional<Time>();
        std::string context = "--filter " + std::string(key);
        return std::optional(TRY_IN(store_.find(filters_.values(key).back()), context).added);
    }

    bool is_wanted(const store::Image& image) const {
        if (dangling_ && *dangling_ != image.tags.empty()) return false;
        if (before_ && image.added >= *before_) return false;
        if (since_ && image.added <= *since_) return false;
        if (until_ && image.added >= *until_) return false;
        return filters_.all("label", [&](const std::string& label) {
            return matches_label(image.config.config.labels, label);
        });
    }

    bool is_wanted(const oci::Reference& reference) const {
        std::string name = reference.familiar_name(), whole = reference.familiar();
        auto named = [&](const std::string& wanted) { return wanted == name || wanted == whole; };
        if (!wanted_.empty() && !named(wanted_) && !named("localhost/" + wanted_)) return false;
        return filters_.any("reference", [&](const std::string& pattern) {
            return matches_path(pattern, name) || matches_path(pattern, whole);
        });
    }

    // What the registry of that repository calls it.
    Result<std::string> digest(const store::Image& image, const std::string& repository) {
        if (!arguments_.on("digests") &&
            arguments_.value("format").find(".Digest") == std::string::npos)
            return std::string("<none>");
        for (const store::Store::Manifest& manifest : TRY(store_.manifests_of(image.id)))
            if (manifest.repository == repository) return manifest.digest.str();
        return std::string("<none>");
    }

    Result<Json> row(const store::Image& image, const std::string& name, const std::string& tag,
                     const std::string& repository) {
        bool whole = arguments_.on("no-trunc");
        // Its names: podman's field.
        Json names = Json::array();
        for (const std::string& one : image.tags)
            if (auto reference = oci::Reference::parse(one)) names.push_back(reference->familiar());
        return Json{{"Repository", name},
                    {"Tag", tag},
                    {"Digest", TRY(digest(image, repository))},
                    {"ID", whole ? image.id.str() : image.id.short_hex()},
                    {"CreatedSince", age_text(added_ns(image)) + " ago"},
                    {"CreatedAt", time_text(added_ns(image))},
                    {"Size", format_size(image.size)},
                    {"Names", std::move(names)},
                    {"Labels", image.config.config.labels},
                    {"Containers", "N/A"}};
    }

    store::Store& store_;
    const Arguments& arguments_;
    const Filters& filters_;
    std::string wanted_;
    std::optional<bool> dangling_;
    std::optional<Time> before_, since_, until_;
};

Result<std::vector<Json>> rows_of(const engine::Paths& paths, const Arguments& arguments) {
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kFilters));
    Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store && store.error().code() == Code::not_found) return std::vector<Json>();
    if (!store) return fail(std::move(store).error());
    Listing listing = TRY(Listing::make(*store, arguments, filters));
    std::vector<store::Image> images = TRY(store->list());
    // Equal ones by their id, so that two calls say the same.
    if (arguments.value("sort") == "size")
        std::ranges::sort(images, [](const store::Image& a, const store::Image& b) {
            return a.size != b.size ? a.size > b.size : a.id.str() < b.id.str();
        });
    return listing.rows(images);
}

// The images are the newest first, or the largest.
Result<> sort(const Arguments& arguments, std::vector<Json>& rows) {
    auto by = arguments.find("sort");
    if (!by || *by == "size" || *by == "created") return {};
    // A repository's tags stand in their order.
    TRY(sort_rows("tag", kColumns, rows));
    return sort_rows(*by, kColumns, rows);
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::vector<Json> rows = TRY(rows_of(invocation.paths, arguments));
    TRY(sort(arguments, rows));
    if (arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["ID"].get<std::string>());
        return 0;
    }
    std::vector<Column> columns(std::begin(kColumns), std::end(kColumns));
    for (Column& column : columns)
        if (column.field == "Digest") column.shown = arguments.on("digests");
    Headings headings = arguments.on("noheading") ? Headings::left_out : Headings::shown;
    print(TRY(format_list(arguments.value("format"), columns, rows, headings)));
    return 0;
}

}  // namespace

constinit const Verb kImages = {
    .name = "images",
    .summary = "list the images",
    .group = Group::images,
    .syntax = {.flags = kFlags, .missing = kMissing, .max_words = 1, .arguments = "[NAME[:TAG]]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
