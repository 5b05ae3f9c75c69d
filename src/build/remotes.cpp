#include "build/remotes.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/canonical.h"
#include "build/program.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/system.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

constexpr std::uint32_t kFileMode = 0600;  // as BuildKit gives it
constexpr std::size_t kCommit = 40;

// What a transfer may need of the caller's environment.
bool is_passed_on(std::string_view entry) {
    constexpr std::string_view kNames[] = {
        "PATH=",      "TMPDIR=",     "http_proxy=",    "https_proxy=",
        "no_proxy=",  "HTTP_PROXY=", "HTTPS_PROXY=",   "NO_PROXY=",
        "all_proxy=", "ALL_PROXY=",  "SSL_CERT_FILE=", "SSL_CERT_DIR="};
    return std::ranges::any_of(kNames, [&](auto name) { return entry.starts_with(name); });
}

// Of each module, too; never through a link.
Result<> remove_git_entries(const std::string& directory) {
    for (const std::string& name : TRY(sys::list_dir(directory))) {
        std::string path = directory + "/" + name;
        if (name == ".git") {
            TRY(sys::remove_tree(path));
        } else if (auto info = TRY(sys::lstat(path)); info.is_dir()) {
            TRY(remove_git_entries(path));
        }
    }
    return {};
}

// Runs git and returns what it prints.
Result<std::string> git(const BuildRequest& request, std::vector<std::string> words,
                        const std::string& directory) {
    std::vector<std::string> environment;
    std::string path = "/usr/local/bin:/usr/bin:/bin";
    for (std::string& entry : sys::environment()) {
        if (entry.starts_with("PATH=")) path = entry.substr(5);
        if (is_passed_on(entry)) environment.push_back(std::move(entry));
    }
    // Any URL may stand in a Dockerfile, and in the modules of a repository: none gets what belongs
    // to the caller, keys, passwords and rewritten addresses.
    constexpr const char* kSsh =
        "GIT_SSH_COMMAND=ssh -F /dev/null -o IdentitiesOnly=yes -o IdentityFile=/dev/null "
        "-o BatchMode=yes";
    environment.insert(environment.end(),
                       {"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
                        "GIT_CONFIG_GLOBAL=/dev/null", "HOME=/nonexistent", "LC_ALL=C", kSsh});
    std::string program = find_program("git", path);
    if (program.empty())
        return fail(Error(Code::not_found, "ADD of a repository takes git, which is not installed")
                        .with_hint("apt install git"));
    // Nothing of the repository runs here: no hook, no filter of its own.
    std::vector<std::string> args{"git",
                                  "-c",
                                  "core.hooksPath=/dev/null",
                                  "-c",
                                  "protocol.ext.allow=never",
                                  "-c",
                                  "protocol.file.allow=never",
                                  "-c",
                                  "core.autocrlf=false",
                                  "-c",
                                  "advice.detachedHead=false"};
    args.insert(args.end(), words.begin(), words.end());
    std::string out, err;
    auto status = TRY(run_program(
        {program, args, environment, {}, directory, true}, request.cancel_fd,
        [&](bool error_stream, std::string_view text) { (error_stream ? err : out) += text; }));
    if (status.shell_code() == 0) return out;
    return fail(Code::failed_precondition, "git " + words.front() + ": " + std::string(trim(err)));
}

oci::Digest hash_of(int fd, std::int64_t& size) {
    oci::Hasher hasher;
    std::array<std::uint8_t, 65536> buffer{};
    std::int64_t at = 0;
    while (true) {
        auto n = sys::read_some_at(fd, at, buffer, "a download");
        if (!n || *n == 0) break;
        hasher.update(std::span(buffer).first(*n));
        at += static_cast<std::int64_t>(*n);
    }
    size = at;
    return hasher.finish();
}

}  // namespace

Result<FetchedRemote> FetchedRemote::identify(const Remote& remote, const BuildRequest& request,
                                              store::Store& store) {
    FetchedRemote fetched(remote);
    if (remote.kind == Remote::Kind::repository) {
        TRY_IN(fetched.find_commit(request), remote.url);
        Canonical text("crank-repository-v1");
        text.add("commit", fetched.commit_);
        text.add("subdirectory", remote.subdirectory);
        text.add("git", remote.keep_git_dir ? 1 : 0);
        if (remote.keep_git_dir) text.add("url", remote.url);
        fetched.identity_ = text.digest();
    } else if (remote.checksum) {
        fetched.identity_ = *remote.checksum;
    } else {
        TRY(fetched.fetch_file(request, store));
    }
    return fetched;
}

Result<> FetchedRemote::fetch_file(const BuildRequest& request, store::Store& store) {
    if (!request.fetch_url)
        return fail(Code::unsupported, "nothing is fetched here: " + remote_.url);
    staging_ = TRY(store.stage());
    std::string path = staging_->upper() + "/" + remote_.name;
    sys::UniqueFd fd = TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kTruncate, 0600));
    TRY(request.fetch_url(remote_.url, fd.get()));
    identity_ = hash_of(fd.get(), size_);
    if (remote_.checksum && *remote_.checksum != identity_)
        return fail(Error(Code::corrupt, remote_.url + " has the checksum " + identity_.str() +
                                             " instead of " + remote_.checksum->str())
                        .with_hint("it was changed, or is not what was meant"));
    tree_.emplace(TRY(sys::open_dir(staging_->upper())), dockerfile::IgnoreMatcher(),
                  SourceTree::Metadata::normalised, remote_.url);
    return {};
}

// A full commit needs no question.
Result<> FetchedRemote::find_commit(const BuildRequest& request) {
    const std::string& wanted = remote_.reference;
    bool is_commit = wanted.size() == kCommit &&
                     wanted.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (is_commit) {
        commit_ = wanted;
    } else {
        std::string name = wanted.empty() ? "HEAD" : wanted;
        std::string listed =
            TRY(git(request, {"ls-remote", "--", remote_.url, name, name + "^{}"}, "/"));
        std::string tag, branch, other;
        for (const std::string& line : split(listed, '\n')) {
            std::size_t tab = line.find('\t');
            if (tab == std::string::npos) continue;
            std::string commit = line.substr(0, tab), full = line.substr(tab + 1);
            // What an annotated tag stands for comes behind it.
            if (full == "refs/tags/" + name || full == "refs/tags/" + name + "^{}") tag = commit;
            if (full == "refs/heads/" + name) branch = commit;
            if (full == name) other = commit;
        }
        commit_ = !other.empty() ? other : !branch.empty() ? branch : tag;
        if (commit_.empty())
            return fail(Error(Code::not_found, "the repository has no reference " + name)
                            .with_hint("git ls-remote " + remote_.url));
    }
    if (!commit_.starts_with(remote_.commit))
        return fail(Code::corrupt, "the commit is " + commit_ + " instead of " + remote_.commit);
    return {};
}

Result<> FetchedRemote::fetch_repository(const BuildRequest& request, store::Store& store) {
    staging_ = TRY(store.stage());
    const std::string& tree = staging_->upper();
    TRY(git(request, {"init", "-q", "."}, tree));
    TRY(git(request, {"remote", "add", "origin", remote_.url}, tree));
    // Not every server gives a commit alone.
    if (!git(request, {"fetch", "-q", "--depth=1", "--no-tags", "origin", commit_}, tree))
        TRY(git(request, {"fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"},
                tree));
    TRY(git(request, {"checkout", "-q", "--detach", commit_}, tree));
    // Nor its latest alone.
    std::vector<std::string> update{"submodule", "update", "-q", "--init", "--recursive"};
    std::vector<std::string> latest = update;
    latest.emplace_back("--depth=1");
    if (sys::exists(tree + "/.gitmodules") && !git(request, latest, tree))
        TRY(git(request, update, tree));
    if (!remote_.keep_git_dir) TRY(remove_git_entries(tree));
    tree_.emplace(TRY(sys::open_dir(tree)), dockerfile::IgnoreMatcher(),
                  SourceTree::Metadata::normalised, remote_.url);
    return {};
}

Result<SelectedSource> FetchedRemote::select(const BuildRequest& request, store::Store& store) {
    if (!tree_) {
        if (remote_.kind == Remote::Kind::file)
            TRY(fetch_file(request, store));
        else
            TRY_IN(fetch_repository(request, store), remote_.url);
    }
    if (remote_.kind == Remote::Kind::repository) {
        std::vector<std::string> place{remote_.subdirectory.empty() ? "." : remote_.subdirectory};
        auto selection = TRY(tree_->select(place, {}, {}));
        selection.front().tree = &*tree_;
        return std::move(selection.front());
    }
    SelectedSource source{.name = remote_.name, .location = remote_.name};
    source.tree = &*tree_;
    source.entries.push_back({.path = "", .mode = kFileMode, .size = size_, .content = identity_});
    return source;
}

Result<std::string> FetchedRemote::directory(const BuildRequest& request, store::Store& store) {
    if (!tree_) TRY_IN(fetch_repository(request, store), remote_.url);
    if (remote_.subdirectory.empty()) return staging_->upper();
    // What the repository has in its place, however many links stand there.
    Result<sys::UniqueFd> found = sys::open_dir_in_root(tree_->root(), remote_.subdirectory);
    if (!found)
        return fail(
            Error(Code::not_found, remote_.url + " has no directory " + remote_.subdirectory)
                .with_hint("the directory stands behind the reference: " + remote_.url +
                           "#REF:DIRECTORY"));
    return sys::path_of_fd(found->get());
}

}  // namespace crank::build
