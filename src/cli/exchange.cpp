// save, load, import: images to and from what others have them in.
#include "base/text.h"
#include "cli/output.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
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
    {"platform", 0, FlagKind::value, "OS/ARCH[/VARIANT]",
     "of an image for several (this machine's)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
};
constexpr std::string_view kSaveExamples[] = {
    "crank save -o base.tar crank-worker-base:latest",
    "crank save crank-worker-base:latest | ssh host docker load",
    "crank save --format oci-dir -o layout crank-worker-base:latest"};
constexpr std::string_view kLoadExamples[] = {"crank load -i base.tar"};
constexpr std::string_view kImportExamples[] = {
    "crank import docker://crank-email-classifier:latest",
    "crank import containers-storage:crank-email-classifier",
    "crank import oci:layout:1.2 crank-email-classifier:1.2",
    "crank import docker-archive:saved.tar:crank-email-classifier:latest",
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
    // Under another name until it is whole: a half-written archive must not look like one.
    std::string half = path + ".part";
    auto write = [&]() -> Result<> {
        sys::UniqueFd file =
            TRY(sys::open(half, sys::kWriteOnly | sys::kCreate | sys::kTruncate, 0644));
        TRY(exchange::save(store, arguments.words(), format, file.get()));
        return sys::rename(half, path);
    };
    Result<> written = write();
    if (!written) (void)sys::remove_file(half);
    return written;
}

Result<int> perform_save(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    bool directory = arguments.value("format") == "oci-dir";
    std::string path = arguments.value("output");
    if (!directory) TRY(archive_format(arguments.value("format")));
    if (directory && path.empty())
        return fail(Error(Code::usage, "--format oci-dir needs a directory")
                        .with_hint("crank save --format oci-dir -o DIR IMAGE"));
    if (path.empty() && sys::is_terminal(kStdout))
        return fail(Error(Code::usage, "an archive is not for a terminal")
                        .with_hint("crank save -o FILE, or send it through a pipe"));
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (!store && store.error().code() == Code::not_found)
        return fail(Code::not_found, "no such image: " + arguments.words()[0]);
    if (!store) return fail(std::move(store).error());
    TRY(directory ? exchange::save_layout(*store, arguments.words(), path)
                  : save_archive(*store, arguments));
    return 0;
}

void print_loaded(const exchange::Loaded& loaded) {
    for (const std::string& tag : loaded.tags) {
        Result<oci::Reference> reference = oci::Reference::parse(tag);
        print_line("Loaded image: " + (reference ? reference->familiar() : tag));
    }
    if (loaded.tags.empty()) print_line("Loaded image ID: " + loaded.id.str());
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
    for (const exchange::Loaded& loaded : images)
        if (!arguments.on("quiet")) print_loaded(loaded);
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
    std::string word = typed.substr(0, typed.find(':'));
    auto near = did_you_mean(word, exchange::transport_names());
    Error error(Code::not_found, "there is no file " + typed);
    if (near && word != typed) return std::move(error).with_hint("did you mean " + *near + ":?");
    std::vector<std::string> names;
    for (std::string_view name : exchange::transport_names())
        names.push_back(std::string(name) + ":");
    return std::move(error).with_hint("an image's place begins with one of " + join(names, ", "));
}

Result<int> perform_import(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    const std::string& typed = arguments.words()[0];
    auto source = TRY(exchange::parse_source(typed));
    if (!source) return fail(no_such_source(typed));
    exchange::ImportRequest request{*source, TRY(name_here(arguments)), {}};
    if (auto platform = arguments.find("platform"))
        request.platform = TRY(registry::parse_platform(*platform));
    exchange::Loaded loaded;
    {
        store::Store store =
            TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
        loaded = TRY_IN(exchange::import_image(store, request), "importing " + typed);
    }
    if (arguments.on("quiet"))
        print_line(loaded.id.str());
    else
        print_loaded(loaded);
    if (loaded.tags.empty())
        note("it has no name: crank tag " + loaded.id.short_hex() + " NAME gives it one");
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

constexpr Syntax words(std::span<const Flag> flags, std::size_t least, std::size_t most,
                       std::string_view arguments) {
    return {.flags = flags, .min_words = least, .max_words = most, .arguments = arguments};
}

}  // namespace

constinit const Verb kSave = {
    .name = "save",
    .summary = "write images to an archive or a layout",
    .group = Group::images,
    .syntax = words(kSaveFlags, 1, kAnyWords, "IMAGE [IMAGE...]"),
    .examples = kSaveExamples,
    .perform = perform_save,
};
constinit const Verb kLoad = {
    .name = "load",
    .summary = "read images from an archive",
    .group = Group::images,
    .syntax = words(kLoadFlags, 0, 0, ""),
    .examples = kLoadExamples,
    .perform = perform_load,
};
constinit const Verb kImport = {
    .name = "import",
    .summary = "bring an image from a layout, an archive or another engine",
    .group = Group::images,
    .syntax = words(kImportFlags, 1, 2, "TRANSPORT:PLACE [NAME[:TAG]]"),
    .examples = kImportExamples,
    .perform = perform_import,
};

}  // namespace crank::cli
