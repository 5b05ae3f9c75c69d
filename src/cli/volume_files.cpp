// volume export, volume import: what is in a volume, as a tar.
#include <string>

#include "cli/archive_output.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/verbs.h"
#include "engine/volume.h"
#include "store/tree_tar.h"
#include "store/untar.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

namespace volumes = engine::volumes;

constexpr int kStdin = 0, kStdout = 1;

constexpr Flag kExportFlags[] = {
    {"output", 'o', FlagKind::value, "FILE", "write here instead of standard output"},
};
constexpr std::string_view kExportExamples[] = {
    "crank volume export -o models.tar models",
    "crank volume export models | ssh other-host crank volume import models -"};
constexpr std::string_view kImportExamples[] = {"crank volume import models models.tar"};

void say_left_out(const std::string& path) {
    warn(path + " was left out: it is a device or a socket");
}

Result<sys::UniqueFd> open_data(const engine::Paths& paths, const std::string& name) {
    return sys::open_dir(volumes::data_of(paths, TRY(volumes::find(paths, name))));
}

// An open directory keeps nobody from removing the volume: whether it is the one that was opened.
Result<> check_still_there(const engine::Paths& paths, const std::string& name, int data) {
    auto volume = volumes::find(paths, name);
    auto now = volume ? sys::stat(volumes::data_of(paths, *volume)) : fail(volume.error());
    auto opened = TRY(sys::stat_fd(data, name));
    if (now && now->device == opened.device && now->inode == opened.inode) return {};
    return fail(Code::not_found, "volume " + name + " was removed meanwhile");
}

Result<> write_data(int data, int fd, const std::string& shown) {
    store::TreeTarRequest request{.entry = data,
                                  .name = "",
                                  .uid = [](std::uint32_t id) { return std::int64_t{id}; },
                                  .gid = [](std::uint32_t id) { return std::int64_t{id}; },
                                  .left_out = say_left_out};
    TRY(write_tree(request, fd, shown));
    return {};
}

Result<int> perform_export(Invocation& invocation) {
    std::string path = invocation.arguments.value("output");
    if (path.empty())
        TRY(refuse_terminal("crank volume export -o FILE, or send it through a pipe"));
    const std::string& name = invocation.arguments.words()[0];
    sys::UniqueFd data = TRY(open_data(invocation.paths, name));
    if (path.empty()) {
        TRY(write_data(data.get(), kStdout, "standard output"));
        TRY(check_still_there(invocation.paths, name, data.get()));
        return 0;
    }
    TRY(write_output(path, 0600, [&](int fd) -> Result<> {
        TRY(write_data(data.get(), fd, path));
        return check_still_there(invocation.paths, name, data.get());
    }));
    return 0;
}

Result<int> perform_import(Invocation& invocation) {
    const std::string& path = invocation.arguments.words()[1];
    bool piped = path == "-";
    if (piped && sys::is_terminal(kStdin)) return fail(Code::usage, "no archive on standard input");
    const std::string& name = invocation.arguments.words()[0];
    sys::UniqueFd data = TRY(open_data(invocation.paths, name));
    sys::UniqueFd file = piped ? sys::UniqueFd() : TRY(sys::open(path, sys::kReadOnly));
    auto same = [](std::int64_t id) { return static_cast<std::uint32_t>(id); };
    TRY(store::untar_into(
        {.root = data.get(), .directory = "/", .uid = same, .gid = same, .left_out = say_left_out},
        piped ? kStdin : file.get(), piped ? "standard input" : path));
    TRY(check_still_there(invocation.paths, name, data.get()));
    return 0;
}

}  // namespace

constinit const Verb kVolumeExport = {
    .name = "volume export",
    .summary = "write what is in a volume to a tar archive",
    .group = Group::containers,
    .syntax = {.flags = kExportFlags, .min_words = 1, .max_words = 1, .arguments = "VOLUME"},
    .examples = kExportExamples,
    .rights = Rights::ids,
    .perform = perform_export,
};
constinit const Verb kVolumeImport = {
    .name = "volume import",
    .summary = "add what is in a tar archive to a volume",
    .group = Group::containers,
    .syntax = {.min_words = 2, .max_words = 2, .arguments = "VOLUME FILE|-"},
    .examples = kImportExamples,
    .rights = Rights::ids,
    .perform = perform_import,
};

}  // namespace crank::cli
