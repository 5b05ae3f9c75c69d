// crank volume.
#include "cli/volume.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/options.h"
#include "engine/volume.h"
#include "store/disk_use.h"
#include "sys/stream.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace volumes = engine::volumes;
using volumes::Volume;

constexpr int kStdin = 0;

constexpr Flag kCreateFlags[] = {
    {"label", 0, FlagKind::list, "NAME[=VALUE]", "a label for your own use"},
    {"driver", 'd', FlagKind::value, "local", "the only one"},
};
constexpr MissingFlag kCreateMissing[] = {
    {"opt", 'o', true, "mount it on this machine, and run with -v DIR:PATH"},
    {"availability", 0, true},
    {"scope", 0, true},
    {"type", 0, true},
};
constexpr Flag kLsFlags[] = {
    {"filter", 0, FlagKind::list, "FILTER", "dangling=true|false, name=TEXT, label=NAME[=VALUE]"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Name}}"},
    {"quiet", 'q', FlagKind::boolean, "", "names alone"},
};
constexpr Flag kInspectFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.Mountpoint}}"},
};
constexpr Flag kRmFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "one that is not there is no error"},
};
constexpr Flag kPruneFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also those that were given a name"},
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER", "label=NAME[=VALUE], label!=NAME[=VALUE]"},
};
constexpr std::string_view kCreateExamples[] = {"crank volume create models",
                                                "crank volume create --label team=mail"};
constexpr std::string_view kLsExamples[] = {"crank volume ls",
                                            "crank volume ls -q --filter dangling=true"};
constexpr std::string_view kInspectExamples[] = {
    "crank volume inspect models", "crank volume inspect -f '{{.Mountpoint}}' models"};
constexpr std::string_view kRmExamples[] = {"crank volume rm models"};
constexpr std::string_view kPruneExamples[] = {"crank volume prune -f", "crank volume prune -a"};

constexpr Column kColumns[] = {
    {"Driver", "DRIVER"},        {"Name", "VOLUME NAME"},   {"Mountpoint", "MOUNTPOINT", false},
    {"Labels", "LABELS", false}, {"Scope", "SCOPE", false}, {"CreatedAt", "CREATED AT", false},
};

std::string labels_text(const Volume& volume) {
    std::string text;
    for (const auto& [name, value] : volume.labels)
        text += (text.empty() ? "" : ",") + name + "=" + value;
    return text;
}

// "NAME" or "NAME=VALUE".
bool has_label(const Volume& volume, const std::string& wanted) {
    std::size_t equals = wanted.find('=');
    auto found = volume.labels.find(wanted.substr(0, equals));
    if (found == volume.labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

bool is_used(const engine::Paths& paths, const Volume& volume) {
    Result<std::vector<std::string>> users = volumes::users(paths, volume.name);
    return !users || !users->empty();
}

using Test = std::function<bool(const Volume&)>;

Result<Test> test_of(const engine::Paths& paths, const std::string& filter) {
    std::size_t equals = filter.find('=');
    std::string key = filter.substr(0, equals);
    std::string value = equals == std::string::npos ? "" : filter.substr(equals + 1);
    if (key == "name")
        return [value](const Volume& v) { return v.name.find(value) != std::string::npos; };
    if (key == "label") return [value](const Volume& v) { return has_label(v, value); };
    if (key == "label!") return [value](const Volume& v) { return !has_label(v, value); };
    if (key == "driver") return [value](const Volume&) { return value == "local"; };
    if (key == "dangling" &&
        (value == "true" || value == "1" || value == "false" || value == "0")) {
        bool dangling = value == "true" || value == "1";
        return [paths, dangling](const Volume& v) { return is_used(paths, v) != dangling; };
    }
    return fail(Error(Code::usage, "--filter " + filter + ": unknown filter")
                    .with_hint("dangling=true, name=TEXT, label=NAME[=VALUE]"));
}

// All of them must hold.
Result<Test> tests_of(const Invocation& invocation) {
    std::vector<Test> tests;
    for (const std::string& filter : invocation.arguments.values("filter"))
        tests.push_back(TRY(test_of(invocation.paths, filter)));
    return [tests](const Volume& volume) {
        return std::ranges::all_of(tests, [&](const Test& test) { return test(volume); });
    };
}

Json describe(const engine::Paths& paths, const Volume& volume) {
    return {{"CreatedAt", rfc3339(volume.created_ns)},
            {"Driver", "local"},
            {"Labels", volume.labels},
            {"Mountpoint", volumes::data_of(paths, volume.name)},
            {"Name", volume.name},
            {"Options", Json::object()},
            {"Scope", "local"}};
}

Result<int> perform_create(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string driver = arguments.value("driver", "local");
    if (driver != "local")
        return fail(Error(Code::unsupported, "--driver " + driver + ": volumes are local")
                        .with_hint("leave it out"));
    Volume wanted;
    if (arguments.words().empty()) {
        wanted.name = TRY(volumes::random_name());
        wanted.anonymous = true;
    } else {
        wanted.name = arguments.words()[0];
    }
    for (const std::string& text : arguments.values("label")) {
        auto [name, value] = TRY(engine::parse_label(text));
        wanted.labels.insert_or_assign(name, value);
    }
    TRY(volumes::create(invocation.paths, wanted));
    print_line(wanted.name);
    return 0;
}

Result<int> perform_ls(Invocation& invocation) {
    Test wanted = TRY(tests_of(invocation));
    std::vector<Json> rows;
    for (const Volume& volume : TRY(volumes::list(invocation.paths))) {
        if (!wanted(volume)) continue;
        Json row = describe(invocation.paths, volume);
        row["Labels"] = labels_text(volume);
        rows.push_back(std::move(row));
    }
    if (invocation.arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["Name"].get<std::string>());
        return 0;
    }
    print(TRY(format_list(invocation.arguments.value("format"), kColumns, rows)));
    return 0;
}

Result<int> perform_inspect(Invocation& invocation) {
    std::string format = invocation.arguments.value("format");
    Json all = Json::array();
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        Result<Volume> volume = volumes::find(invocation.paths, name);
        if (!volume) {
            report("volume inspect", volume.error(), invocation.debug);
            code = 1;
        } else if (format.empty()) {
            all.push_back(describe(invocation.paths, *volume));
        } else {
            print(TRY(format_one(format, describe(invocation.paths, *volume))));
        }
    }
    if (format.empty()) print_line(all.dump(4, ' ', false, Json::error_handler_t::replace));
    return code;
}

Result<int> perform_rm(Invocation& invocation) {
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        Result<> removed = volumes::remove(invocation.paths, name);
        bool absent = !removed && removed.error().code() == Code::not_found;
        if (removed) {
            print_line(name);
        } else if (!absent || !invocation.arguments.on("force")) {
            report("volume rm", removed.error(), invocation.debug);
            code = 1;
        }
    }
    return code;
}

// Asks on a terminal; elsewhere only --force says yes.
Result<bool> confirmed(const Arguments& arguments) {
    if (arguments.on("force")) return true;
    if (!sys::is_terminal(kStdin))
        return fail(
            Error(Code::usage, "volume prune removes without a way back, and cannot ask here")
                .with_hint("crank volume prune -f"));
    note(std::string("This removes all volumes ") +
         (arguments.on("all") ? "" : "without a name of their own ") +
         "that no container has. Go on? [y/N]");
    std::array<std::uint8_t, 64> answer;
    std::size_t n = TRY(sys::read_some(kStdin, answer, "the terminal"));
    return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

Result<int> perform_prune(Invocation& invocation) {
    Test wanted = TRY(tests_of(invocation));
    if (!TRY(confirmed(invocation.arguments))) return 1;
    bool all = invocation.arguments.on("all");
    std::int64_t bytes = TRY(prune_volumes(invocation.paths, [&](const Volume& volume) {
        return (all || volume.anonymous) && wanted(volume);
    }));
    print_line("Total reclaimed space: " + format_size(bytes));
    return 0;
}

}  // namespace

Result<std::int64_t> prune_volumes(const engine::Paths& paths, const Test& wanted) {
    store::DiskUse disk;
    std::int64_t bytes = 0;
    for (const Volume& volume : TRY(volumes::list(paths))) {
        if (wanted ? !wanted(volume) : !volume.anonymous) continue;
        if (is_used(paths, volume)) continue;
        std::int64_t size = TRY(disk.add(paths.volume(volume.name)));
        Result<> removed = volumes::remove(paths, volume.name);
        // Taken, or removed by another, meanwhile.
        if (!removed &&
            (removed.error().code() == Code::in_use || removed.error().code() == Code::not_found))
            continue;
        TRY(std::move(removed));
        bytes += size;
        print_line("Deleted volume: " + volume.name);
    }
    return bytes;
}

constinit const Verb kVolumeCreate = {
    .name = "volume create",
    .summary = "make a volume",
    .group = Group::containers,
    .syntax = {.flags = kCreateFlags,
               .missing = kCreateMissing,
               .max_words = 1,
               .arguments = "[NAME]"},
    .examples = kCreateExamples,
    .rights = Rights::ids,
    .perform = perform_create,
};
constinit const Verb kVolumeLs = {
    .name = "volume ls",
    .summary = "list the volumes",
    .group = Group::containers,
    .syntax = {.flags = kLsFlags},
    .examples = kLsExamples,
    .rights = Rights::ids,
    .perform = perform_ls,
};
constinit const Verb kVolumeInspect = {
    .name = "volume inspect",
    .summary = "print everything about volumes",
    .group = Group::containers,
    .syntax = {.flags = kInspectFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "VOLUME [VOLUME...]"},
    .examples = kInspectExamples,
    .perform = perform_inspect,
};
constinit const Verb kVolumeRm = {
    .name = "volume rm",
    .summary = "remove volumes that no container has",
    .group = Group::containers,
    .syntax = {.flags = kRmFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "VOLUME [VOLUME...]"},
    .examples = kRmExamples,
    .rights = Rights::ids,
    .perform = perform_rm,
};
constinit const Verb kVolumePrune = {
    .name = "volume prune",
    .summary = "remove the volumes without a name that no container has",
    .group = Group::containers,
    .syntax = {.flags = kPruneFlags},
    .examples = kPruneExamples,
    .rights = Rights::ids,
    .perform = perform_prune,
};

}  // namespace crank::cli
