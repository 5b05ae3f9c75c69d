// df and prune.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "build/cache_mounts.h"
#include "cli/confirm.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "cli/volume.h"
#include "engine/lifecycle.h"
#include "engine/volume.h"
#include "store/prune.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kDfFlags[] = {
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Type}} {{.Bytes}}"},
};
constexpr MissingFlag kDfMissing[] = {
    {"verbose", 'v', false, "crank images, crank ps --all --size and crank volume ls"}};
constexpr std::string_view kDfExamples[] = {"crank df", "crank df --format '{{.Type}} {{.Bytes}}'"};
constexpr Flag kPruneFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also images that have a name and no container"},
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER",
     "until=24h: only what was added, or used by a build, longer ago"},
    {"volumes", 0, FlagKind::boolean, "", "also volumes without a name that no container has"},
};
constexpr std::string_view kBound = "crank config set storage.max SIZE";
constexpr MissingFlag kPruneMissing[] = {{"keep-storage", 0, true, kBound},
                                         {"max-used-space", 0, true, kBound},
                                         {"min-free-space", 0, true, kBound},
                                         {"reserved-space", 0, true, kBound}};
constexpr std::string_view kPruneExamples[] = {"crank prune", "crank prune -a -f",
                                               "crank prune -f --filter until=168h"};

constexpr Column kColumns[] = {
    {"Type", "TYPE"},
    {"TotalCount", "TOTAL"},
    {"Active", "ACTIVE"},
    {"Size", "SIZE"},
    {"Reclaimable", "RECLAIMABLE"},
    {"Bytes", "BYTES", false},
    {"ReclaimableBytes", "RECLAIMABLE BYTES", false},
};

struct Row {
    std::string type;
    std::size_t count = 0, active = 0;
    std::int64_t bytes = 0, reclaimable = 0;

    Json json() const {
        std::string share = bytes == 0 || reclaimable == 0
                                ? ""
                                : " (" + std::to_string(reclaimable * 100 / bytes) + "%)";
        return {{"Type", type},
                {"TotalCount", std::to_string(count)},
                {"Active", std::to_string(active)},
                {"Size", format_size(bytes)},
                {"Reclaimable", format_size(reclaimable) + share},
                {"Bytes", std::to_string(bytes)},
                {"ReclaimableBytes", std::to_string(reclaimable)}};
    }
};

Result<> add_volumes(const engine::Paths& paths, store::DiskUse& disk, Row& row) {
    for (const engine::volumes::Volume& volume : TRY(engine::volumes::list(paths))) {
        ++row.count;
        std::int64_t bytes = TRY(disk.add(paths.volume(volume.name)));
        row.bytes += bytes;
        Result<std::vector<std::string>> users = engine::volumes::users(paths, volume.name);
        bool used = !users || !users->empty();
        if (used)
            ++row.active;
        else
            row.reclaimable += bytes;
    }
    return {};
}

Result<std::vector<Row>> usage_rows(const engine::Paths& paths) {
    Row images{.type = "Images"}, containers{.type = "Containers"}, cache{.type = "Build Cache"},
        volumes{.type = "Local Volumes"}, rest{.type = "Other"}, total{.type = "Total"};
    store::DiskUse disk;
    Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (store) {
        store::Usage usage = TRY(store::measure(*store, TRY(images_in_use(paths)), disk));
        images.count = usage.image_count;
        images.active = usage.used_image_count;
        images.bytes = usage.images;
        images.reclaimable = usage.unused_images;
        cache.count = usage.cache_count;
        cache.bytes = cache.reclaimable = usage.cache;
        rest.bytes = usage.rest;
    } else if (store.error().code() != Code::not_found) {
        return fail(std::move(store).error());
    }
    for (const engine::Container& container : TRY(engine::list(paths))) {
        ++containers.count;
        bool ended = engine::is_at_rest(container.state);
        std::int64_t bytes = TRY(disk.add(paths.container(container.record.id)));
        containers.bytes += bytes;
        if (ended) containers.reclaimable += bytes;
        if (!ended) ++containers.active;
    }
    TRY(add_volumes(paths, disk, volumes));
    rest.bytes += TRY(disk.add(paths.root));
    std::vector<Row> rows{images, containers, volumes, cache, rest};
    for (const Row& row : rows) {
        total.bytes += row.bytes;
        total.reclaimable += row.reclaimable;
        total.count += row.count;
        total.active += row.active;
    }
    rows.push_back(total);
    return rows;
}

Result<int> perform_df(Invocation& invocation) {
    std::vector<Json> rows;
    for (const Row& row : TRY(usage_rows(invocation.paths))) rows.push_back(row.json());
    print(TRY(format_list(invocation.arguments.value("format"), kColumns, rows)));
    return 0;
}

Result<std::chrono::system_clock::time_point> until(const Arguments& arguments) {
    auto before = std::chrono::system_clock::time_point::max();
    for (const std::string& filter : arguments.values("filter")) {
        if (!filter.starts_with("until="))
            return fail(Error(Code::usage, "--filter " + filter + ": unknown filter")
                            .with_hint("--filter until=24h"));
        auto age = parse_duration(filter.substr(6));
        if (!age)
            return fail(std::move(age).error().with_code(Code::usage).with_context("--filter"));
        before = std::chrono::system_clock::now() -
                 std::chrono::duration_cast<std::chrono::system_clock::duration>(*age);
    }
    return before;
}

std::string removed_by_prune(const Arguments& arguments) {
    return std::string(arguments.on("all") ? "all images without a container"
                                           : "images without a name") +
           " and the build cache that no image shares" +
           (arguments.on("volumes") ? ", and volumes without a name that no container has" : "");
}

Result<int> perform_prune(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    store::PruneRequest request{.tagged_too = arguments.on("all"),
                                .in_use = TRY(images_in_use(invocation.paths)),
                                .before = TRY(until(arguments))};
    if (!TRY(confirmed(arguments, "prune", removed_by_prune(arguments)))) return 1;
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    store::Pruned pruned = TRY(store::prune(store, request));
    if (arguments.on("volumes")) pruned.bytes += TRY(prune_volumes(invocation.paths, {}));
    build::PrunedDirectories caches =
        TRY(build::prune_cache_directories(invocation.paths.root, request.before));
    pruned.bytes += caches.bytes;
    for (const std::string& line : pruned.images) print_line(line);
    print_line("Deleted build cache entries: " + std::to_string(pruned.cache_entries));
    if (caches.count > 0)
        print_line("Deleted directories of RUN --mount=type=cache: " +
                   std::to_string(caches.count));
    print_line("Total reclaimed space: " + format_size(std::max<std::int64_t>(pruned.bytes, 0)));
    return 0;
}

}  // namespace

constinit const Verb kDf = {
    .name = "df",
    .summary = "show what takes how much of the disk",
    .group = Group::machine,
    .syntax = {.flags = kDfFlags, .missing = kDfMissing},
    .examples = kDfExamples,
    .rights = Rights::ids,
    .perform = perform_df,
};
constinit const Verb kPrune = {
    .name = "prune",
    .summary = "remove images without a name, and build cache that no image shares",
    .group = Group::images,
    .syntax = {.flags = kPruneFlags, .missing = kPruneMissing},
    .examples = kPruneExamples,
    .rights = Rights::ids,
    .perform = perform_prune,
};

}  // namespace crank::cli
