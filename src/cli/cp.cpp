#include <optional>
#include <string>

#include "base/units.h"
#include "cli/archive_output.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/files/container_root.h"
#include "engine/files/place.h"
#include "engine/files/tree_copy.h"
#include "engine/lifecycle.h"
#include "store/tree_tar.h"
#include "store/untar.h"
#include "sys/file.h"
#include "sys/file_ids.h"
#include "sys/open_flags.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

namespace files = engine::files;

constexpr int kStdin = 0, kStdout = 1;

constexpr Flag kFlags[] = {
    {"archive", 'a', FlagKind::boolean, "",
     "keep owners (else: who copies, or the container's root)"},
    {"follow-link", 'L', FlagKind::boolean, "", "a link at the source's end is what it leads to"},
    {"overwrite", 0, FlagKind::boolean, "",
     "a file may take the place of a directory, and a directory that of a file"},
    {"quiet", 'q', FlagKind::boolean, "", "say nothing of what was copied"},
};
constexpr std::string_view kExamples[] = {
    "crank cp mail:/app/report.txt .",
    "crank cp models/. mail:/models",
    "crank cp mail:/var/log - | tar -t",
    "crank cp mail:/app/models other:/app",
};

// "NAME:PATH", or a path of this machine's: one that begins with '/' or '.' always is.
struct Side {
    std::string container;  // empty: this machine
    std::string path;
    std::string shown;
};
Side parse_side(const std::string& text) {
    std::size_t colon = text.find(':');
    bool local =
        text.starts_with('/') || text.starts_with('.') || colon == std::string::npos || colon == 0;
    if (local) return {.container = "", .path = text, .shown = text};
    return {.container = text.substr(0, colon), .path = text.substr(colon + 1), .shown = text};
}

Result<std::string> absolute(const std::string& path) {
    if (path.empty()) return fail(Code::usage, "a path is empty");
    return path.starts_with('/') ? path : TRY(sys::current_dir()) + "/" + path;
}

Result<sys::UniqueFd> open_machine() { return sys::open("/", sys::kPath | sys::kDirectory); }

void say_left_out(const std::string& path) {
    warn(path + " was left out: it is a device or a socket");
}

// What both directions have.
struct Task {
    const Side& from;
    const Side& to;
    const files::ContainerRoot& root;
    bool archive = false, follow = false, overwrite = false;
};

Result<std::int64_t> copy_between(const Task& task, int from_root, const std::string& from_path,
                                  int to_root, const std::string& to_path,
                                  const files::TreeCopyRequest& request) {
    files::Source source =
        TRY(files::find_source(from_root, from_path, task.follow, task.from.shown));
    files::Destination to = TRY(files::find_destination(to_root, to_path, source, task.to.shown));
    if (to.name.empty())
        return files::copy_contents(request, source.entry.get(), to.directory.get(),
                                    task.from.shown);
    return files::copy_entry(request, source.entry.get(), to.directory.get(), to.name,
                             task.from.shown);
}

Result<std::int64_t> copy_out(const Task& task) {
    files::TreeCopyRequest request{.owner = {},
                                   .keep_set_id = task.archive,
                                   .overwrite = task.overwrite,
                                   .left_out = say_left_out};
    if (task.archive)
        request.owner = [&](std::uint32_t uid,
                            std::uint32_t gid) -> Result<std::optional<sys::Owner>> {
            return sys::Owner{static_cast<uid_t>(task.root.uid_inside(uid)),
                              static_cast<gid_t>(task.root.gid_inside(gid))};
        };
    std::string to = TRY(absolute(task.to.path));
    // Here too, because what the kernel's own links lead to, as /dev/stdout, no walk finds.
    if (auto there = sys::stat(to); there && !there->is_dir() && !there->is_regular())
        return fail(files::not_replaceable(task.to.shown)
                        .with_hint("crank cp " + task.from.shown + " - | tar -xO"));
    // Of standard output that is a file, the file: nor is the way to that one anybody walks.
    if (auto link = sys::lstat(to); link && link->is_symlink())
        to = sys::real_path(to).value_or(to);
    sys::UniqueFd machine = TRY(open_machine());
    return copy_between(task, task.root.fd.get(), task.from.path, machine.get(), to, request);
}

Result<std::int64_t> copy_in(const Task& task) {
    files::TreeCopyRequest request{
        .owner = {}, .keep_set_id = true, .overwrite = task.overwrite, .left_out = say_left_out};
    request.owner = [&](std::uint32_t uid, std::uint32_t gid) -> Result<std::optional<sys::Owner>> {
        return sys::Owner{TRY(task.root.uid_outside(task.archive ? uid : 0)),
                          TRY(task.root.gid_outside(task.archive ? gid : 0))};
    };
    sys::UniqueFd machine = TRY(open_machine());
    return copy_between(task, machine.get(), TRY(absolute(task.from.path)), task.root.fd.get(),
                        task.to.path, request);
}

Result<std::int64_t> archive_out(const Task& task) {
    TRY(refuse_terminal("crank cp " + task.from.shown + " - | tar -x"));
    files::Source source =
        TRY(files::find_source(task.root.fd.get(), task.from.path, task.follow, task.from.shown));
    store::TreeTarRequest request{.entry = source.entry.get(),
                                  .name = source.contents ? "" : source.name,
                                  .uid = [&](std::uint32_t id) { return task.root.uid_inside(id); },
                                  .gid = [&](std::uint32_t id) { return task.root.gid_inside(id); },
                                  .left_out = say_left_out};
    return write_tree(request, kStdout, "standard output");
}

Result<std::int64_t> archive_in(const Task& task) {
    if (sys::is_terminal(kStdin)) return fail(Code::usage, "no archive on standard input");
    TRY(files::check_directory(task.root.fd.get(), task.to.path, task.to.shown));
    auto or_nobody = [](Result<std::uint32_t> id) { return id ? *id : 65534U; };
    return store::untar_into(
        {.root = task.root.fd.get(),
         .directory = task.to.path,
         .uid = [&](std::int64_t id) { return or_nobody(task.root.uid_outside(id)); },
         .gid = [&](std::int64_t id) { return or_nobody(task.root.gid_outside(id)); },
         .left_out = say_left_out},
        kStdin, "standard input");
}

// The path in the container, from its root.
Result<> root_path(Side& side) {
    if (side.path.empty())
        return fail(Code::usage, side.shown + ": the path in the container is missing");
    // Docker: relative to the container's root, not to its working directory.
    if (!side.path.starts_with('/')) side.path = "/" + side.path;
    return {};
}

// Owners with --archive are the same numbers inside.
Result<std::int64_t> copy_across(const Task& task, const files::ContainerRoot& to_root) {
    TRY(sys::make_files_as(TRY(to_root.uid_outside(0)), TRY(to_root.gid_outside(0))));
    // Without --archive all becomes root's there, which a set-user-ID program of anybody must not.
    files::TreeCopyRequest request{.owner = {},
                                   .keep_set_id = task.archive,
                                   .overwrite = task.overwrite,
                                   .left_out = say_left_out};
    request.owner = [&](std::uint32_t uid, std::uint32_t gid) -> Result<std::optional<sys::Owner>> {
        std::int64_t user = task.archive ? task.root.uid_inside(uid) : 0;
        std::int64_t group = task.archive ? task.root.gid_inside(gid) : 0;
        return sys::Owner{TRY(to_root.uid_outside(user)), TRY(to_root.gid_outside(group))};
    };
    return copy_between(task, task.root.fd.get(), task.from.path, to_root.fd.get(), task.to.path,
                        request);
}

Result<std::int64_t> copy_between_containers(Invocation& invocation, Side& from, Side& to) {
    const Arguments& arguments = invocation.arguments;
    TRY(root_path(from));
    TRY(root_path(to));
    engine::Container source = TRY(engine::find(invocation.paths, from.container));
    engine::Container target = TRY(engine::find(invocation.paths, to.container));
    files::ContainerRoot root = TRY(files::open_root(invocation.paths, source));
    Task task{from,
              to,
              root,
              arguments.on("archive"),
              arguments.on("follow-link"),
              arguments.on("overwrite")};
    // Of one container the root is opened once: whoever opens it locks it.
    if (source.record.id == target.record.id) return copy_across(task, root);
    files::ContainerRoot to_root = TRY(files::open_root(invocation.paths, target));
    return copy_across(task, to_root);
}

Result<std::int64_t> copy_one_way(Invocation& invocation, Side& from, Side& to) {
    const Arguments& arguments = invocation.arguments;
    bool out = !from.container.empty();
    Side& inside = out ? from : to;
    TRY(root_path(inside));
    engine::Container container = TRY(engine::find(invocation.paths, inside.container));
    files::ContainerRoot root = TRY(files::open_root(invocation.paths, container));
    // What is made in it is its root's until it is given to somebody.
    if (!out) TRY(sys::make_files_as(TRY(root.uid_outside(0)), TRY(root.gid_outside(0))));
    Task task{from,
              to,
              root,
              arguments.on("archive"),
              arguments.on("follow-link"),
              arguments.on("overwrite")};
    bool piped = (out ? to : from).path == "-";
    return out ? (piped ? archive_out(task) : copy_out(task))
               : (piped ? archive_in(task) : copy_in(task));
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Side from = parse_side(arguments.words()[0]), to = parse_side(arguments.words()[1]);
    if (from.container.empty() && to.container.empty())
        return fail(
            Error(Code::usage, "neither " + from.shown + " nor " + to.shown + " is in a container")
                .with_hint("a container's path is written CONTAINER:PATH"));
    bool piped =
        (from.container.empty() && from.path == "-") || (to.container.empty() && to.path == "-");
    bool between = !from.container.empty() && !to.container.empty();
    std::int64_t bytes = TRY(between ? copy_between_containers(invocation, from, to)
                                     : copy_one_way(invocation, from, to));
    if (!arguments.on("quiet") && !piped)
        note("Successfully copied " + format_size(bytes) + " to " + to.shown);
    return 0;
}

}  // namespace

constinit const Verb kCp = {
    .name = "cp",
    .summary = "copy files into a container, out of it, or from one to another",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .min_words = 2,
               .max_words = 2,
               .arguments = "[CONTAINER:]PATH|- [CONTAINER:]PATH|-"},
    .examples = kExamples,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
