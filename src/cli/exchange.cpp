// save, load, import: images to and from what others have them in.
#include "base/text.h"
#include "build/build.h"
#include "build/changes.h"
#include "build/image_config.h"
#include "cli/archive_output.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/storage_limit.h"
#include "cli/transfer_progress.h"
#include "cli/verbs.h"
#include "engine/events.h"
#include "exchange/archive.h"
#include "exchange/import.h"
#include "registry/document.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0, kStdout = 1;

constexpr Flag kSaveFlags[] = {
    {"output", 'o', FlagKind::value, "PATH",
     "write to this file instead of standard output; of oci-dir: to this directory"},
    {"format", 0, FlagKind::value, "FORMAT",
     "oci-archive, docker-archive, both in one (the default), or oci-dir: a directory, to which "
     "images are added"},
};
constexpr Flag kLoadFlags[] = {
    {"input", 'i', FlagKind::value, "FILE", "read this file instead of standard input"},
    {"quiet", 'q', FlagKind::boolean, "", "do not say what was loaded"},
};
constexpr Flag kImportFlags[] = {
    {"all", 'a', FlagKind::boolean, "",
     "of docker:// and containers-storage: every image that has a name"},
    {"change", 'c', FlagKind::list, "INSTRUCTION",
     "of a root file system: an instruction of a Dockerfile for its configuration"},
    {"message", 'm', FlagKind::value, "TEXT", "of a root file system: a remark for its history"},
    {"platform", 0, FlagKind::value, "OS/ARCH[/VARIANT]",
     "of an image for several (this machine's)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
};
constexpr MissingFlag kSaveMissing[] = {
    {"platform", 0, true, "an image is of one platform: leave it out"}};
constexpr MissingFlag kLoadMissing[] = {
    {"platform", 0, true, "crank import --platform OS/ARCH oci-archive:FILE"}};
constexpr std::string_view kSaveExamples[] = {
    "crank save -o base.tar crank-worker-base:latest",
    "crank save crank-worker-base:latest | ssh host docker load",
    "crank save --format oci-dir -o layout crank-worker-base:latest"};
constexpr std::string_view kLoadExamples[] = {"crank load -i base.tar"};
constexpr std::string_view kImportExamples[] = {
    "crank import docker://crank-email-classifier:latest",
    "crank import containers-storage:crank-email-classifier",
    "crank import --all docker://",
    "crank import oci:layout:1.2 crank-email-classifier:1.2",
    "crank import docker-archive:saved.tar:crank-email-classifier:latest",
    "crank import root.tar.gz worker-root --change 'CMD [\"/bin/sh\"]'",
};

Result<exchange::ArchiveFormat> archive_format(const std::string& text) {
    using exchange::ArchiveFormat;
    if (text.empty()) return ArchiveFormat::both;
    if (text == "oci-archive" || text == "oci") return ArchiveFormat::oci;
    if (text == "docker-archive" || text == "docker") return ArchiveFormat::docker;
    return fail(Code::usage, "--format " + text + ": oci-archive, docker-archive or oci-dir");
}

Result<> save_archive(store::Store& store, const Arguments& arguments) {
    exchange::ArchiveFormat format = TRY(archive_format(arguments.value("format")));
    std::string path = arguments.value("output");
    if (path.empty()) return exchange::save(store, arguments.words(), format, kStdout);
    return write_output(
        path, 0644, [&](int fd) { return exchange::save(store, arguments.words(), format, fd); });
}

Result<int> perform_save(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    bool directory = arguments.value("format") == "oci-dir";
    std::string path = arguments.value("output");
    if (!directory) TRY(archive_format(arguments.value("format")));
    if (directory && path.empty())
        return fail(Error(Code::usage, "--format oci-dir needs a directory")
                        .with_hint("crank save --format oci-dir -o DIR IMAGE"));
    if (path.empty()) TRY(refuse_terminal("crank save -o FILE, or send it through a pipe"));
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (!store && store.error().code() == Code::not_found)
        return fail(Error(Code::not_found, "no such image: " + arguments.words()[0])
                        .with_hint("crank images lists those that are here"));
    if (!store) return fail(std::move(store).error());
    TRY(directory ? exchange::save_layout(*store, arguments.words(), path)
                  : save_archive(*store, arguments));
    return 0;
}

std::string familiar(const std::string& tag) {
    Result<oci::Reference> reference = oci::Reference::parse(tag);
    return reference ? reference->familiar() : tag;
}

// Whoever runs it by that name gets another image from now on: said aloud, however quiet.
void warn_of_taken(const exchange::Loaded& loaded) {
    for (const exchange::Loaded::Taken& taken : loaded.taken)
        warn(familiar(taken.tag) + " is another image now: it was " + taken.from.str());
}

void print_loaded(const exchange::Loaded& loaded) {
    for (const std::string& tag : loaded.tags) print_line("Loaded image: " + familiar(tag));
    if (loaded.tags.empty()) print_line("Loaded image ID: " + loaded.id.str());
}

// In `crank events`, under each of its names.
void note_came(const engine::Paths& paths, const exchange::Loaded& loaded, const char* action) {
    for (const std::string& tag : loaded.tags) {
        Result<oci::Reference> reference = oci::Reference::parse(tag);
        engine::note_image(paths, loaded.id.str(), action, reference ? reference->familiar() : tag);
    }
    if (loaded.tags.empty()) engine::note_image(paths, loaded.id.str(), action, loaded.id.str());
}

Result<int> perform_load(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    sys::UniqueFd file;
    int fd = kStdin;
    if (auto path = arguments.find("input")) {
        file = TRY(sys::open(*path, sys::kReadOnly));
        fd = file.get();
    } else if (sys::is_terminal(kStdin)) {
        return fail(
            Error(Code::usage, "no archive on standard input").with_hint("crank load -i FILE"));
    }
    std::vector<exchange::Loaded> images;
    {
        store::Store store =
            TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
        images = TRY(exchange::load(store, fd));
    }
    for (const exchange::Loaded& loaded : images) {
        note_came(invocation.paths, loaded, "load");
        if (!arguments.on("quiet")) print_loaded(loaded);
        warn_of_taken(loaded);
    }
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

Result<std::optional<oci::Reference>> name_here(const Arguments& arguments) {
    if (arguments.words().size() < 2) return std::optional<oci::Reference>();
    const std::string& typed = arguments.words()[1];
    oci::Reference name = TRY(oci::Reference::parse(typed));
    if (name.digest)
        return fail(Code::usage, "an image cannot be given a digest for a name: " + typed);
    return std::optional(std::move(name));
}

Error no_such_source(const std::string& typed) {
    if (typed.find("://") != std::string::npos)
        return Error(Code::unsupported, "nothing is imported from " + typed)
            .with_hint(
                "crank pull gets images from registries; curl URL | crank import - NAME a "
                "root file system");
    std::string word = typed.substr(0, typed.find(':'));
    auto near = did_you_mean(word, exchange::transport_names());
    Error error(Code::not_found, "there is no file " + typed);
    if (near && word != typed) return std::move(error).with_hint("did you mean " + *near + ":?");
    std::vector<std::string> names;
    for (std::string_view name : exchange::transport_names())
        names.push_back(std::string(name) + ":");
    return std::move(error).with_hint("an image's place begins with one of " + join(names, ", "));
}

Result<sys::UniqueFd> open_root(const std::string& typed) {
    auto file = sys::open(typed, sys::kReadOnly);
    if (!file && file.error().code() == Code::not_found) return fail(no_such_source(typed));
    if (file && TRY(sys::stat_fd(file->get(), typed)).is_dir())
        return fail(Error(Code::invalid_argument, typed + " is a directory")
                        .with_hint("crank import oci:" + typed + " if it is a layout, tar -C " +
                                   typed + " -c . | crank import - NAME if it is a root"));
    return file;
}

ProgressSink progress_of(const Arguments& arguments) {
    return make_transfer_progress(Direction::import, arguments.on("quiet"));
}

Result<exchange::Loaded> import_root(store::Store& store, const Arguments& arguments) {
    const std::string& typed = arguments.words()[0];
    bool from_stdin = typed == "-";
    if (from_stdin && sys::is_terminal(kStdin))
        return fail(Code::usage, "no archive on standard input");
    exchange::RootRequest request;
    request.progress = progress_of(arguments);
    request.name = TRY(name_here(arguments));
    sys::UniqueFd file = from_stdin ? sys::UniqueFd() : TRY(open_root(typed));
    request.fd = from_stdin ? kStdin : file.get();
    request.shown = from_stdin ? "standard input" : typed;
    request.config.created = build::time_text(build::kDefaultEpoch);
    request.config.platform = registry::host_platform();
    if (auto platform = arguments.find("platform"))
        request.config.platform = TRY(registry::parse_platform(*platform));
    request.config.config = TRY(build::apply_changes({}, arguments.values("change")));
    request.config.history = {{.created = request.config.created,
                               .created_by = "crank import",
                               .comment = arguments.value("message"),
                               .empty_layer = false}};
    return exchange::import_root(store, std::move(request));
}

Result<exchange::Loaded> import_image(store::Store& store, const Arguments& arguments,
                                      const exchange::Source& source) {
    for (const char* flag : {"change", "message"})
        if (arguments.has(flag))
            return fail(Code::usage, "--" + std::string(flag) +
                                         " is for a root file system, and this is an image");
    exchange::ImportRequest request{source, TRY(name_here(arguments)), {}, progress_of(arguments)};
    if (auto platform = arguments.find("platform"))
        request.platform = TRY(registry::parse_platform(*platform));
    return exchange::import_image(store, request);
}

// One that cannot be had is reported, and the others come.
Result<int> import_all(Invocation& invocation, const exchange::ImportRequest& request) {
    const Arguments& arguments = invocation.arguments;
    const std::string& typed = arguments.words()[0];
    if (!request.source.name.empty() || arguments.words().size() > 1)
        return fail(Code::usage, "--all takes every image under its own name: " + typed +
                                     " and a name say more than that");
    int code = 0;
    std::size_t nameless = 0;
    {
        store::Store store =
            TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
        auto each = [&](const std::string& name, Result<exchange::Loaded> loaded) {
            if (loaded) note_came(invocation.paths, *loaded, "import");
            if (loaded && arguments.on("quiet")) print_line(loaded->id.str());
            if (loaded && !arguments.on("quiet")) print_loaded(*loaded);
            if (loaded) return warn_of_taken(*loaded);
            code = 1;
            report("import", std::move(loaded).error().with_context("importing " + name),
                   invocation.debug);
        };
        nameless = TRY_IN(exchange::import_all(store, request, each), "importing " + typed);
    }
    if (nameless > 0 && !arguments.on("quiet"))
        note(std::to_string(nameless) + " images without a name were left out");
    TRY(keep_storage_limit(invocation.paths));
    return code;
}

Result<int> perform_import(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const std::string& typed = arguments.words()[0];
    auto source = TRY(exchange::parse_source(typed));
    if (source && arguments.on("all"))
        return import_all(invocation, {*source, {}, {}, progress_of(arguments)});
    if (arguments.on("all"))
        return fail(Code::usage, "--all is for docker:// and containers-storage:");
    exchange::Loaded loaded;
    {
        store::Store store =
            TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
        loaded =
            TRY_IN(source ? import_image(store, arguments, *source) : import_root(store, arguments),
                   "importing " + typed);
    }
    note_came(invocation.paths, loaded, "import");
    warn_of_taken(loaded);
    // Of a root file system the id, as Docker prints it.
    if (arguments.on("quiet") || !source)
        print_line(loaded.id.str());
    else
        print_loaded(loaded);
    if (loaded.tags.empty() && !arguments.on("quiet"))
        note("it has no name: crank tag " + loaded.id.short_hex() + " NAME gives it one");
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

constexpr Syntax words(std::span<const Flag> flags, std::size_t least, std::size_t most,
                       std::string_view arguments, std::span<const MissingFlag> missing = {}) {
    return {.flags = flags,
            .missing = missing,
            .min_words = least,
            .max_words = most,
            .arguments = arguments};
}

}  // namespace

constinit const Verb kSave = {
    .name = "save",
    .summary = "write images to an archive or a layout",
    .group = Group::images,
    .syntax = words(kSaveFlags, 1, kAnyWords, "IMAGE [IMAGE...]", kSaveMissing),
    .examples = kSaveExamples,
    .rights = Rights::ids,
    .perform = perform_save,
};
constinit const Verb kLoad = {
    .name = "load",
    .summary = "read images from an archive",
    .group = Group::images,
    .syntax = words(kLoadFlags, 0, 0, "", kLoadMissing),
    .examples = kLoadExamples,
    .rights = Rights::required,
    .perform = perform_load,
};
constinit const Verb kImport = {
    .name = "import",
    .summary = "bring an image from another engine, a layout or a root file system",
    .group = Group::images,
    .syntax = words(kImportFlags, 1, 2, "TRANSPORT:PLACE|FILE|- [NAME[:TAG]]"),
    .examples = kImportExamples,
    .rights = Rights::required,
    .perform = perform_import,
};

}  // namespace crank::cli
