#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/ps_filter.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/files/changes.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/reason.h"
#include "store/store.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also those that have ended"},
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
    {"no-trunc", 0, FlagKind::boolean, "", "nothing is shortened"},
    {"notruncate", 0, FlagKind::boolean, "", "", "no-trunc"},
    {"noheading", 0, FlagKind::boolean, "", "without the line of headings"},
    {"sort", 0, FlagKind::value, "COLUMN",
     "by a column's text: names, status; created: the oldest first"},
    {"external", 0, FlagKind::boolean, "", "as podman's: crank has no other containers"},
    {"last", 'n', FlagKind::value, "NUMBER", "the newest so many, ended ones too"},
    {"latest", 'l', FlagKind::boolean, "", "the newest, also if it has ended"},
    {"filter", 'f', FlagKind::list, "FILTER",
     "name= id= label= status= ancestor= before= since= exited= publish= expose= health= network= "
     "volume= restart-policy="},
    {"size", 's', FlagKind::boolean, "", "what each has written, and has with its image"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Names}}"},
};
constexpr std::string_view kExamples[] = {
    "crank ps",
    "crank ps -a --format 'table {{.Names}}\\t{{.Status}}'",
    "crank ps -a --filter status=exited --filter label=tier=web",
    "crank rm -f $(crank ps -aq)",
};
constexpr Column kColumns[] = {
    {"ID", "CONTAINER ID"},      {"Image", "IMAGE"},          {"Command", "COMMAND"},
    {"RunningFor", "CREATED"},   {"Status", "STATUS"},        {"Ports", "PORTS"},
    {"Names", "NAMES"},          {"Size", "SIZE", false},     {"CreatedAt", "CREATED AT", false},
    {"Labels", "LABELS", false}, {"Mounts", "MOUNTS", false}, {"Networks", "NETWORKS", false},
    {"State", "STATE", false},   {"Kind", "KIND", false},     {"Reason", "REASON", false},
    {"UserNS", "USERNS", false},
};

constexpr std::size_t kMaxCommand = 20;  // as Docker cuts it

std::string command_text(const engine::Record& record, bool whole) {
    std::string text = join(record.args, " ");
    if (!whole && text.size() > kMaxCommand) text = text.substr(0, kMaxCommand - 1) + "…";
    return "\"" + text + "\"";
}

std::string labels_text(const engine::Record& record) {
    std::string text;
    for (const auto& [key, value] : record.labels)
        text += (text.empty() ? "" : ",") + key + "=" + value;
    return text;
}

std::string mounts_text(const engine::Record& record) {
    std::string text;
    for (const engine::MountRecord& mount : record.mounts)
        if (mount.type != "tmpfs")
            text +=
                (text.empty() ? "" : ",") + (mount.volume.empty() ? mount.source : mount.volume);
    return text;
}

std::string networks_text(const engine::Record& record) {
    std::string text;
    for (const engine::EndpointRecord& endpoint : record.networks)
        text += (text.empty() ? "" : ",") + endpoint.network;
    return text.empty() ? record.network.mode : text;
}

// The host's ids that its own are.
std::string ids_text(const engine::Record& record) {
    if (!record.ids) return "host";
    const engine::ids::Range& range = record.ids->range;
    return std::to_string(range.uid) + ":" + std::to_string(range.size);
}

Json row_of(const engine::Container& container, bool whole) {
    const engine::Record& record = container.record;
    return {{"ID", whole ? record.id : record.id.substr(0, engine::kShortIdLength)},
            {"Image", record.image},
            {"Command", command_text(record, whole)},
            {"CreatedAt", time_text(record.created_ns)},
            {"RunningFor", age_text(record.created_ns) + " ago"},
            {"Status", status_text(container)},
            {"State", state_word(container.state)},
            {"Ports", ports_text(record)},
            {"Names", record.name},
            {"Labels", labels_text(record)},
            {kLabelField, record.labels},
            {"Mounts", mounts_text(record)},
            {"Networks", networks_text(record)},
            {"Kind", record.kind == engine::Kind::native ? "native" : "container"},
            {"Reason", engine::explain(container).brief},
            {"UserNS", ids_text(record)}};
}

// For people: why it ended stands behind Docker's words. Templates and JSON get those alone, since
// scripts compare them, and the reason in a field of its own.
void add_reasons(std::vector<Json>& rows) {
    for (Json& row : rows)
        if (auto reason = row["Reason"].get<std::string>(); !reason.empty())
            row["Status"] = row["Status"].get<std::string>() + ": " + reason;
}

// A walk through its files: only for who asks.
bool wants_sizes(const Arguments& arguments) {
    return arguments.on("size") || arguments.value("format").find(".Size") != std::string::npos;
}

// "12B (virtual 6.2MB)": its own files, and those of its image with them.
Result<std::string> size_text(const engine::Paths& paths, const engine::Record& record) {
    if (record.kind == engine::Kind::native) return "0B (virtual 0B)";
    std::int64_t own = 0, below = 0;
    if (Result<sys::UniqueFd> upper = sys::open_dir(paths.container(record.id) + "/upper"))
        own = TRY(engine::files::bytes_of(upper->get()));
    if (auto store = store::Store::open(paths.root, store::OpenMode::read_only))
        if (auto image = store->find(record.image_id)) below = image->size;
    return format_size(own) + " (virtual " + format_size(own + below) + ")";
}

// How many of the newest; nothing: no bound.
Result<std::optional<std::size_t>> newest(const Arguments& arguments) {
    if (arguments.on("latest")) return 1;
    auto text = arguments.find("last");
    if (!text || text == "-1") return std::nullopt;
    auto number = parse_int(*text);
    if (!number || *number < 0)
        return fail(Error(Code::usage, "--last: invalid number \"" + *text + "\"")
                        .with_hint("--last 5, or -1 for all"));
    return static_cast<std::size_t>(*number);
}

// The rows are the newest first.
Result<> sort(const Arguments& arguments, std::span<const Column> columns,
              std::vector<Json>& rows) {
    auto by = arguments.find("sort");
    if (!by) return {};
    std::string word = to_lower(*by);
    if (word != "created" && word != "runningfor") return sort_rows(*by, columns, rows);
    std::reverse(rows.begin(), rows.end());
    return {};
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<std::size_t> count = TRY(newest(arguments));
    Filters filters = TRY(parse_ps_filters(arguments.values("filter")));
    std::vector<engine::Container> containers = TRY(engine::list(invocation.paths));
    TRY(filter_containers(invocation.paths, filters, containers));
    bool ended_too = arguments.on("all") || count || filters.has("status");
    bool sized = wants_sizes(arguments);
    std::vector<Json> rows;
    for (const engine::Container& container : containers) {
        bool lives =
            container.state.pid > 0 || container.state.status == engine::Status::restarting;
        if (!ended_too && !lives) continue;
        if (count && rows.size() == *count) break;
        Json row = row_of(container, arguments.on("no-trunc"));
        row["Size"] = sized ? TRY(size_text(invocation.paths, container.record)) : "";
        rows.push_back(std::move(row));
    }
    std::vector<Column> columns(std::begin(kColumns), std::end(kColumns));
    for (Column& column : columns)
        if (column.field == "Size") column.shown = arguments.on("size");
    TRY(sort(arguments, columns, rows));
    if (arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["ID"].get<std::string>());
        return 0;
    }
    std::string format = arguments.value("format");
    if (format.empty() || format == "table") add_reasons(rows);
    Headings headings = arguments.on("noheading") ? Headings::left_out : Headings::shown;
    print(TRY(format_list(format, columns, rows, headings)));
    return 0;
}

}  // namespace

constinit const Verb kPs = {
    .name = "ps",
    .summary = "list the containers",
    .group = Group::containers,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
