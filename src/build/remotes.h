// Getting what ADD takes from the network.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/remote.h"
#include "build/source_tree.h"
#include "store/store.h"

namespace crank::build {

// One source: known by its content first, and fetched when a step needs it.
class FetchedRemote {
public:
    // What it is, for the cache key: of a file its checksum where one is given, else its content,
    // which is fetched for that; of a repository the commit, which git is asked for.
    static Result<FetchedRemote> identify(const Remote& remote, const BuildRequest& request,
                                          store::Store& store);
    const oci::Digest& identity() const { return identity_; }
    // As a source to copy, valid as long as this object. Errors: corrupt (another checksum).
    Result<SelectedSource> select(const BuildRequest& request, store::Store& store);
    // Of a repository: its files, or those of the directory that its URL names, as a directory of
    // this machine that lasts as long as this object. Errors: not_found, as select.
    Result<std::string> directory(const BuildRequest& request, store::Store& store);

private:
    explicit FetchedRemote(const Remote& remote) : remote_(remote) {}
    Result<> fetch_file(const BuildRequest& request, store::Store& store);
    Result<> fetch_repository(const BuildRequest& request, store::Store& store);
    Result<> find_commit(const BuildRequest& request);

    Remote remote_;
    oci::Digest identity_;
    std::string commit_;
    std::optional<store::Staging> staging_;
    std::optional<SourceTree> tree_;
    std::int64_t size_ = 0;
};

}  // namespace crank::build
