// diff, export: a container's own files.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text.h"
#include "cli/archive_output.h"
#include "cli/choice.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "engine/files/changes.h"
#include "engine/files/container_root.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/processes.h"
#include "store/tree_tar.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::cli {
namespace {

namespace files = engine::files;

constexpr int kStdout = 1;

constexpr Flag kExportFlags[] = {
    {"output", 'o', FlagKind::value, "FILE", "write here instead of standard output"},
};
constexpr Flag kDiffFlags[] = {
    {"format", 0, FlagKind::value, "json", "one object: the paths added, changed and deleted"},
    kLatestFlag,
};
constexpr std::string_view kDiffExamples[] = {"crank diff mail"};
constexpr std::string_view kExportExamples[] = {
    "crank export -o mail.tar mail", "crank export mail | crank import - mail-files:latest"};

const char* letter(files::Change change) {
    switch (change) {
        case files::Change::added: return "A";
        case files::Change::deleted: return "D";
        case files::Change::changed: return "C";
    }
    return "";
}

const char* word(files::Change change) {
    switch (change) {
        case files::Change::added: return "added";
        case files::Change::deleted: return "deleted";
        case files::Change::changed: return "changed";
    }
    return "";
}

void print_changes(const std::vector<files::PathChange>& changes, bool json) {
    nlohmann::ordered_json lists = nlohmann::ordered_json::object();
    std::string text;
    for (const files::PathChange& change : changes) {
        if (json) lists[word(change.kind)].push_back(change.path);
        text += std::string(letter(change.kind)) + " " + change.path + "\n";
    }
    // Names of files may be any bytes.
    using Json = nlohmann::ordered_json;
    print(json ? lists.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : text);
}

// No container, or a number: what would be said of a project.
bool may_mean_releases(const Arguments& arguments) {
    const std::vector<std::string>& words = arguments.words();
    return words.empty() ? !arguments.on("latest") : parse_int(words.front()).has_value();
}

Result<int> perform_diff(Invocation& invocation) {
    std::string format = invocation.arguments.value("format");
    if (!format.empty() && format != "json")
        return fail(Code::usage, "--format " + format + ": json alone");
    std::vector<std::string> words = invocation.arguments.words();
    Result<engine::Container> chosen = choose_one(invocation, words);
    if (!chosen && may_mean_releases(invocation.arguments))
        return fail(std::move(chosen.error())
                        .with_hint("between releases of a project: crank releases diff"));
    engine::Container container = TRY(std::move(chosen));
    if (container.record.kind == engine::Kind::native)
        return fail(Code::unsupported, engine::shown_name(container.record) +
                                           " is a native worker: it has no files of its own");
    sys::UniqueFd below = TRY(files::open_image_files(invocation.paths, container));
    sys::UniqueFd upper =
        TRY(sys::open_dir(invocation.paths.container(container.record.id) + "/upper"));
    print_changes(
        TRY(files::changes(upper.get(), below.get(), files::mount_points(container.record))),
        format == "json");
    return 0;
}

Result<> write_export(const files::ContainerRoot& root, int fd, const std::string& shown) {
    store::TreeTarRequest request{.entry = root.fd.get(),
                                  .name = "",
                                  .uid = [&](std::uint32_t id) { return root.uid_inside(id); },
                                  .gid = [&](std::uint32_t id) { return root.gid_inside(id); },
                                  .left_out = {}};
    TRY(write_tree(request, fd, shown));
    return {};
}

Result<int> perform_export(Invocation& invocation) {
    std::string path = invocation.arguments.value("output");
    if (path.empty()) TRY(refuse_terminal("crank export -o FILE, or send it through a pipe"));
    engine::Container container =
        TRY(engine::find(invocation.paths, invocation.arguments.words()[0]));
    files::ContainerRoot root = TRY(files::open_own_files(invocation.paths, container));
    engine::note_container(invocation.paths, container.record, "export");
    if (path.empty()) {
        TRY(write_export(root, kStdout, "standard output"));
        return 0;
    }
    TRY(write_output(path, 0600, [&](int fd) { return write_export(root, fd, path); }));
    return 0;
}

}  // namespace

constinit const Verb kDiff = {
    .name = "diff",
    .summary = "show which files of its image a container has changed",
    .group = Group::containers,
    .syntax = {.flags = kDiffFlags, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kDiffExamples,
    .others = "what changed between releases of a project: crank releases diff",
    .rights = Rights::ids,
    .perform = perform_diff,
};
constinit const Verb kExport = {
    .name = "export",
    .summary = "write a container's files to a tar archive",
    .group = Group::containers,
    .syntax = {.flags = kExportFlags, .min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kExportExamples,
    .rights = Rights::ids,
    .perform = perform_export,
};

}  // namespace crank::cli
