// crank volume.
#include "cli/volume.h"
#include "cli/confirm.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/options.h"
#include "engine/volume.h"
#include "engine/volume_options.h"
#include "store/disk_use.h"
#include "sys/file.h"
#include "sys/pattern.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace volumes = engine::volumes;
using volumes::Volume;

constexpr Flag kCreateFlags[] = {
    {"label", 0, FlagKind::list, "NAME[=VALUE]", "a label for your own use"},
    {"driver", 'd', FlagKind::value, "local", "the only one"},
    {"opt", 'o', FlagKind::list, "KEY=VALUE",
     "type=none, o=bind, device=DIRECTORY: it stands for that directory"},
    {"ignore", 0, FlagKind::boolean, "", "as podman's: one that exists is no error anyway"},
};
constexpr std::string_view kSwarm = "it is for swarms' volumes; crank volume create -o KEY=VALUE";
constexpr std::string_view kSize =
    "a volume is as large as its directory's disk; crank run --tmpfs PATH:size=SIZE";
constexpr MissingFlag kLsMissing[] = {
    {"cluster", 0, false, "it is for swarms' volumes; crank volume ls"}};
constexpr MissingFlag kCreateMissing[] = {
    {"availability", 0, true, kSwarm},
    {"group", 0, true, kSwarm},
    {"limit-bytes", 0, true, kSize},
    {"required-bytes", 0, true, kSize},
    {"scope", 0, true, kSwarm},
    {"secret", 0, true, kSwarm},
    {"sharing", 0, true, kSwarm},
    {"topology-preferred", 0, true, kSwarm},
    {"topology-required", 0, true, kSwarm},
    {"type", 0, true, kSwarm},
};
constexpr Flag kLsFlags[] = {
    {"filter", 'f', FlagKind::list, "FILTER", "dangling=true|false, name=TEXT, label=NAME[=VALUE]"},
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Name}}"},
    {"quiet", 'q', FlagKind::boolean, "", "names alone"},
    {"noheading", 'n', FlagKind::boolean, "", "without the line of headings"},
};
constexpr Flag kInspectFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.Mountpoint}}"},
};
constexpr Flag kRmFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "one that is not there is no error"},
    {"all", 'a', FlagKind::boolean, "", "every volume that no container has"},
    // podman's: how long it waits for containers that it ends; crank ends none
    {"time", 't', FlagKind::value, "SECONDS", ""},
};
constexpr Flag kPruneFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also those that were given a name"},
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER", "label=NAME[=VALUE], label!=NAME[=VALUE]"},
};
constexpr std::string_view kCreateExamples[] = {
    "crank volume create models", "crank volume create --label team=mail",
    "crank volume create -o type=none -o o=bind -o device=/srv/models models"};
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
    if (key == "name") {
        // Docker's: an expression, found anywhere.
        auto pattern = std::make_shared<sys::Pattern>(
            TRY_IN(sys::Pattern::create(value), "--filter name=" + value));
        return [pattern](const Volume& v) { return pattern->matches(v.name); };
    }
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

Result<> check_device(const std::string& device) {
    if (device.empty()) return {};
    Result<sys::FileInfo> info = sys::stat(device);
    if (info && info->is_dir()) return {};
    if (!info && info.error().code() != Code::not_found) return fail(std::move(info).error());
    return fail(Error(Code::not_found, "--opt device=" + device + ": no such directory")
                    .with_hint("mkdir -p " + device));
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
    wanted.device = TRY(volumes::device_in(arguments.values("opt")));
    TRY(check_device(wanted.device));
    bool made = TRY(volumes::create(invocation.paths, wanted));
    // Its labels are no matter, as with Docker; where its files are is.
    if (!made && TRY(volumes::find(invocation.paths, wanted.name)).device != wanted.device)
        return fail(Error(Code::already_exists,
                          "volume " + wanted.name + " is there, and has another directory")
                        .with_hint("crank volume inspect " + wanted.name));
    print_line(wanted.name);
    return 0;
}

Result<int> perform_ls(Invocation& invocation) {
    Test wanted = TRY(tests_of(invocation));
    std::vector<Json> rows;
    for (const Volume& volume : TRY(volumes::list(invocation.paths))) {
        if (!wanted(volume)) continue;
        Json row = describe_volume(invocation.paths, volume);
        row["Labels"] = labels_text(volume);
        rows.push_back(std::move(row));
    }
    if (invocation.arguments.on("quiet")) {
        for (const Json& row : rows) print_line(row["Name"].get<std::string>());
        return 0;
    }
    Headings headings = invocation.arguments.on("noheading") ? Headings::left_out : Headings::shown;
    print(TRY(format_list(invocation.arguments.value("format"), kColumns, rows, headings)));
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
            all.push_back(describe_volume(invocation.paths, *volume));
        } else {
            print(TRY(format_one(format, describe_volume(invocation.paths, *volume))));
        }
    }
    if (format.empty()) print_line(all.dump(4, ' ', false, Json::error_handler_t::replace));
    return code;
}

Result<int> perform_rm(Invocation& invocation) {
    std::vector<std::string> names = invocation.arguments.words();
    bool all = invocation.arguments.on("all");
    if (all != names.empty())
        return fail(Code::usage,
                    all ? "--all and volumes by name are alternatives"
                        : "not enough arguments, wanted: VOLUME [VOLUME...], or --all");
    if (all)
        for (const Volume& volume : TRY(volumes::list(invocation.paths)))
            if (!is_used(invocation.paths, volume)) names.push_back(volume.name);
    int code = 0;
    for (const std::string& name : names) {
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

Result<int> perform_prune(Invocation& invocation) {
    Test wanted = TRY(tests_of(invocation));
    bool all = invocation.arguments.on("all");
    std::string what = std::string("all volumes ") + (all ? "" : "without a name of their own ") +
                       "that no container has";
    if (!TRY(confirmed(invocation.arguments, "volume prune", what))) return 1;
    std::int64_t bytes = TRY(prune_volumes(invocation.paths, [&](const Volume& volume) {
        return (all || volume.anonymous) && wanted(volume);
    }));
    print_line("Total reclaimed space: " + format_size(bytes));
    return 0;
}

}  // namespace

Json describe_volume(const engine::Paths& paths, const Volume& volume) {
    return {{"CreatedAt", rfc3339(volume.created_ns)},
            {"Driver", "local"},
            {"Labels", volume.labels},
            {"Mountpoint", volumes::data_of(paths, volume)},
            {"Name", volume.name},
            {"Options", Json::object()},
            {"Scope", "local"}};
}

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
    .syntax = {.flags = kLsFlags, .missing = kLsMissing},
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
    .syntax = {.flags = kRmFlags, .max_words = kAnyWords, .arguments = "VOLUME [VOLUME...]"},
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
