#include "cli/build_context.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cli/build_image.h"
#include "exchange/import.h"
#include "store/extract.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;
constexpr std::size_t kMaxDockerfile = std::size_t{1} << 20;
constexpr const char* kContextExample = "crank build --build-context vendor=../vendor .";

// What of the network is a context; nothing: a directory of this machine.
Result<std::optional<build::Remote>> remote_of(const std::string& text) {
    // Docker takes the site's name alone for a repository of it.
    if (!text.starts_with("github.com/") || sys::exists(text)) return build::remote_of(text, {});
    std::size_t end = std::min(text.find('#'), text.size());
    std::string place = text.substr(0, end);
    return build::remote_of(
        "https://" + place + (place.ends_with(".git") ? "" : ".git") + text.substr(end), {});
}

Error no_remote(const std::string& context) {
    return Error(Code::unsupported,
                 "the context " + context + ": of the network come http, https and git")
        .with_hint("crank build https://HOST/REPOSITORY.git#REF:DIRECTORY");
}

// The digest counts where both are given.
std::string name_in_layout(std::string& place) {
    std::string name;
    if (std::size_t at = place.find('@'); at != std::string::npos) {
        name = place.substr(at + 1);
        place.resize(at);
        std::size_t colon = place.rfind(':');
        if (colon != std::string::npos && place.find('/', colon) == std::string::npos)
            place.resize(colon);
        return name;
    }
    std::size_t colon = place.rfind(':');
    if (colon == std::string::npos || place.find('/', colon) != std::string::npos) return name;
    name = place.substr(colon + 1);
    place.resize(colon);
    return name;
}

}  // namespace

Result<std::optional<std::string>> ContextReader::unpack(const std::string& path,
                                                         const std::string& shown) {
    sys::UniqueFd fd = TRY(sys::open(path, sys::kReadOnly));
    if (!TRY(store::is_tar_archive(fd.get(), shown))) return std::nullopt;
    store::Staging& tree = brought_.stagings.emplace_back(TRY(store_.stage()));
    TRY(store::extract_tar(fd.get(), shown, tree.upper()));
    return tree.upper();
}

// As docker build has it: in what came from elsewhere, whose links lead nowhere else.
Result<> ContextReader::read_dockerfile_of(const std::string& directory, const std::string& file,
                                           const std::string& shown) {
    request_.context = directory;
    sys::UniqueFd root = TRY(sys::open_dir(directory));
    std::string name = file.empty() ? "Dockerfile" : file;
    Result<sys::UniqueFd> found = sys::open_file_in_root(root.get(), name);
    if (!found && file.empty()) {
        Result<sys::UniqueFd> other = sys::open_file_in_root(root.get(), "Containerfile");
        if (other) found = std::move(other);
    }
    if (!found)
        return fail(Error(found.error().code(), "there is no file " + name + " in " + shown)
                        .with_hint("name it with -f"));
    request_.dockerfile_text = TRY(sys::read_all(found->get(), kMaxDockerfile, name));
    return {};
}

// CONTEXT -: a Dockerfile, or a tar archive that is the context.
Result<> ContextReader::read_standard_input(const std::string& file) {
    store::Staging& spool = brought_.stagings.emplace_back(TRY(store_.stage()));
    std::string path = spool.path() + "/input";
    sys::UniqueFd fd = TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kTruncate, 0600));
    std::vector<std::uint8_t> buffer(std::size_t{256} << 10);
    while (std::size_t n = TRY(sys::read_some(kStdin, buffer, "standard input")))
        TRY(sys::write_all(fd.get(), {reinterpret_cast<const char*>(buffer.data()), n}, path));
    std::optional<std::string> directory = TRY(unpack(path, "standard input"));
    if (directory) return read_dockerfile_of(*directory, file, "the archive");
    if (!file.empty())
        return fail(Error(Code::usage,
                          "CONTEXT - with -f takes a tar archive, and standard input holds none")
                        .with_hint("crank build - <Dockerfile"));
    request_.dockerfile_text = TRY(sys::read_file(path, kMaxDockerfile));
    return {};
}

Result<std::string> ContextReader::fetch_file(const std::string& url) {
    std::string path = brought_.stagings.emplace_back(TRY(store_.stage())).path() + "/input";
    sys::UniqueFd fd = TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kTruncate, 0600));
    TRY_IN(url_fetcher(cancel_fd_)(url, fd.get()), "the context " + url);
    return path;
}

Result<std::string> ContextReader::fetch_repository(const build::Remote& remote) {
    build::BuildRequest asking;
    asking.cancel_fd = cancel_fd_;
    auto fetched = TRY(build::FetchedRemote::identify(remote, asking, store_));
    return brought_.repositories.emplace_back(std::move(fetched)).directory(asking, store_);
}

// Of a named context: an archive or a repository.
Result<std::string> ContextReader::fetch_directory(const std::string& url) {
    std::optional<build::Remote> remote = TRY(remote_of(url));
    if (!remote) return fail(no_remote(url));
    if (remote->kind == build::Remote::Kind::repository) return fetch_repository(*remote);
    std::optional<std::string> directory = TRY(unpack(TRY(fetch_file(url)), url));
    if (directory) return std::move(*directory);
    return fail(Error(Code::invalid_argument, url + " is no tar archive")
                    .with_hint("ADD " + url + " DESTINATION takes a single file"));
}

Result<> ContextReader::read_directory(const std::string& context, bool file_is_stdin) {
    Result<sys::FileInfo> info = sys::stat(context);
    if (!info && context.find("://") != std::string::npos) return fail(no_remote(context));
    if (!info)
        return fail(Error(Code::not_found, "no directory " + context + " to build in")
                        .with_hint("crank build [FLAGS] DIRECTORY"));
    if (!info->is_dir())
        return fail(Error(Code::invalid_argument, "the context " + context + " is no directory")
                        .with_hint("crank build -f " + context + " ."));
    request_.context = TRY(sys::real_path(context));
    // podman's name for it, where there is none of Docker's.
    std::string other = request_.context + "/Containerfile";
    bool unnamed = request_.dockerfile.empty() && !file_is_stdin;
    if (unnamed && !sys::exists(request_.context + "/Dockerfile") && sys::exists(other))
        request_.dockerfile = other;
    return {};
}

Result<> ContextReader::read_place(const std::string& context, const std::string& file) {
    bool file_is_stdin = file == "-";
    if (context == "-" && file_is_stdin)
        return fail(Error(Code::usage, "CONTEXT and -f cannot both be standard input")
                        .with_hint("crank build - <Dockerfile"));
    if (context == "-") return read_standard_input(file);
    std::optional<std::string> text;
    if (file_is_stdin) text = TRY(sys::read_all(kStdin, kMaxDockerfile, "standard input"));
    std::optional<build::Remote> remote = TRY(remote_of(context));
    if (!remote) {
        if (!file_is_stdin) request_.dockerfile = file;
        request_.dockerfile_text = std::move(text);
        return read_directory(context, file_is_stdin);
    }
    std::optional<std::string> directory;
    if (remote->kind == build::Remote::Kind::repository) {
        auto keep = request_.build_args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
        remote->keep_git_dir = keep != request_.build_args.end() && keep->second == "1";
        directory = TRY(fetch_repository(*remote));
    } else {
        std::string path = TRY(fetch_file(context));
        directory = TRY(unpack(path, context));
        // A Dockerfile alone.
        if (!directory && !file.empty())
            return fail(
                Error(Code::usage, "-f with the context " + context + ", which is no tar archive")
                    .with_hint("leave out -f: the URL's file is the Dockerfile then"));
        if (!directory) request_.dockerfile_text = TRY(sys::read_file(path, kMaxDockerfile));
    }
    if (!directory) return {};
    request_.context = *directory;
    request_.dockerfile_text = std::move(text);
    return file_is_stdin ? Result<>() : read_dockerfile_of(*directory, file, context);
}

// Its image comes to the store, without a name.
Result<std::string> ContextReader::import_layout(const std::string& flag,
                                                 const std::string& place) {
    std::string directory = place;
    std::string name = name_in_layout(directory);
    Result<sys::FileInfo> info = sys::stat(directory);
    if (!info || !info->is_dir())
        return fail(Error(Code::not_found, flag + ": there is no directory " + directory)
                        .with_hint("crank save --format oci-dir -o " + directory + " IMAGE"));
    exchange::ImportRequest wanted{.source = {.transport = exchange::Transport::oci,
                                              .path = directory,
                                              .driver = "",
                                              .name = name},
                                   .name = {},
                                   .platform = {},
                                   .progress = {}};
    return TRY_IN(exchange::import_image(store_, wanted), flag).id.str();
}

Result<build::BuildRequest::NamedContext> ContextReader::read_context(const std::string& flag,
                                                                      const std::string& value) {
    constexpr std::string_view kImage = "docker-image://", kLayout = "oci-layout://";
    using Named = build::BuildRequest::NamedContext;
    if (value.starts_with(kImage)) return Named{"", value.substr(kImage.size())};
    if (value.starts_with(kLayout))
        return Named{"", TRY(import_layout(flag, value.substr(kLayout.size())))};
    if (TRY_IN(remote_of(value), flag)) return Named{TRY_IN(fetch_directory(value), flag), ""};
    if (value.find("://") != std::string::npos || value.starts_with("target:"))
        return fail(Error(Code::unsupported,
                          flag + ": contexts are directories, repositories, archives and images")
                        .with_hint("NAME=DIRECTORY, NAME=https://HOST/FILE.tar.gz, "
                                   "NAME=docker-image://IMAGE or NAME=oci-layout://DIRECTORY"));
    auto info = sys::stat(value);
    if (!info || !info->is_dir())
        return fail(Error(Code::not_found, flag + ": there is no directory " + value)
                        .with_hint("of an image: docker-image://" + value));
    return Named{TRY(sys::real_path(value)), ""};
}

Result<> ContextReader::read_contexts(const Texts& flags) {
    for (const std::string& text : flags) {
        std::string flag = "--build-context " + text;
        std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
            return fail(
                Error(Code::usage, flag + ": it is no NAME=VALUE").with_hint(kContextExample));
        request_.contexts[to_lower(text.substr(0, equals))] =
            TRY(read_context(flag, text.substr(equals + 1)));
    }
    return {};
}

}  // namespace crank::cli
