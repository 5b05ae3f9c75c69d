// Where a build's files come from: a directory, an archive, a repository, an image. Each of them
// may lie in the network.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/remotes.h"
#include "cli/build_flags.h"
#include "store/store.h"

namespace crank::cli {

// What was brought here for a build, and goes with it.
struct Brought {
    std::vector<store::Staging> stagings;
    std::vector<build::FetchedRemote> repositories;
};

class ContextReader {
public:
    // `fetch` ends when `cancel_fd` becomes readable; all are used as long as this is.
    ContextReader(store::Store& store, int cancel_fd, Brought& brought,
                  build::BuildRequest& request)
        : store_(store), cancel_fd_(cancel_fd), brought_(brought), request_(request) {}

    // CONTEXT and -f, either of which may be standard input (-). A URL is a repository or a file:
    // an archive, or a Dockerfile. -f of what comes from elsewhere lies in it. Errors: usage,
    // not_found, invalid_argument, what the network says.
    Result<> read_place(const std::string& context, const std::string& file);
    // --build-context NAME=DIRECTORY|URL|docker-image://IMAGE|oci-layout://DIR[:TAG][@DIGEST].
    // Errors: usage, not_found, unsupported (other kinds, by name).
    Result<> read_contexts(const Texts& flags);
    // A repository or an archive of the network.
    Result<std::string> fetch_directory(const std::string& url);

private:
    Result<> read_standard_input(const std::string& file);
    Result<> read_directory(const std::string& context, bool file_is_stdin);
    // A regular file that is an archive, unpacked; nothing: it is none.
    Result<std::optional<std::string>> unpack(const std::string& path, const std::string& shown);
    Result<> read_dockerfile_of(const std::string& directory, const std::string& file,
                                const std::string& shown);
    Result<std::string> fetch_repository(const build::Remote& remote);
    Result<std::string> fetch_file(const std::string& url);
    Result<build::BuildRequest::NamedContext> read_context(const std::string& flag,
                                                           const std::string& value);
    Result<std::string> import_layout(const std::string& flag, const std::string& place);

    store::Store& store_;
    int cancel_fd_;
    Brought& brought_;
    build::BuildRequest& request_;
};

}  // namespace crank::cli
