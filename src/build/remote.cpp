#include "build/remote.h"

#include <algorithm>

#include "base/text.h"

namespace crank::build {

namespace {

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_http(std::string_view source) {
    return source.starts_with("http://") || source.starts_with("https://");
}

bool is_repository(std::string_view source) {
    std::string_view place = source.substr(0, source.find('#'));
    return source.starts_with("git://") || source.starts_with("ssh://") ||
           source.starts_with("git@") || (is_http(source) && place.ends_with(".git"));
}

Result<Remote> repository_of(const std::string& source, const dockerfile::TransferStep& step) {
    Remote remote{.kind = Remote::Kind::repository};
    std::size_t fragment = source.find('#');
    remote.url = source.substr(0, fragment);
    if (fragment != std::string::npos) {
        std::string rest = source.substr(fragment + 1);
        std::size_t colon = rest.find(':');
        remote.reference = rest.substr(0, colon);
        if (colon != std::string::npos) remote.subdirectory = rest.substr(colon + 1);
    }
    // It becomes a word of git's command line.
    if (remote.reference.starts_with("-"))
        return fail(Code::invalid_argument, "no reference of a repository: " + remote.reference);
    remote.commit = step.checksum;
    bool sound = remote.commit.empty() || (is_hex(remote.commit) && remote.commit.size() >= 7);
    if (!sound)
        return fail(Error(Code::invalid_argument,
                          "--checksum=" + step.checksum + ": of a repository it is a commit")
                        .with_hint("git ls-remote " + remote.url));
    remote.keep_git_dir = step.keep_git_dir.value_or(false);
    return remote;
}

Result<Remote> file_of(const std::string& source, const dockerfile::TransferStep& step) {
    Remote remote{.url = source};
    std::string_view path = source;
    path = path.substr(0, path.find_first_of("?#"));
    path.remove_prefix(path.find("://") + 3);
    std::size_t slash = path.find('/');
    path = slash == std::string_view::npos ? "" : path.substr(slash);
    remote.name = std::string(path.substr(std::min(path.rfind('/') + 1, path.size())));
    if (remote.name.empty() && step.dest.ends_with('/'))
        return fail(
            Error(Code::invalid_argument, source + " names no file")
                .with_hint("end the destination with the file's name: " + step.dest + "NAME"));
    if (remote.name.empty() || remote.name == "." || remote.name == "..") remote.name = "file";
    if (step.checksum.empty()) return remote;
    auto digest = oci::Digest::parse(step.checksum);
    if (!digest)
        return fail(
            Error(Code::invalid_argument, "--checksum=" + step.checksum + " is no digest of a file")
                .with_hint("--checksum=sha256:$(sha256sum FILE | cut -d' ' -f1)"));
    remote.checksum = *digest;
    return remote;
}

// It would be in the image's history, which everybody reads who has the image. ssh wants a name.
Result<> check_user(std::string_view source) {
    std::size_t begin = source.find("://");
    if (begin == std::string_view::npos) return {};
    std::string_view authority = source.substr(begin + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    std::size_t at = authority.rfind('@');
    if (at == std::string_view::npos) return {};
    bool has_password = authority.substr(0, at).find(':') != std::string_view::npos;
    if (!is_http(source) && !has_password) return {};
    return fail(
        Error(Code::invalid_argument, "the URL of " + std::string(authority.substr(at + 1)) +
                                          " holds a user name, which the image's history "
                                          "would tell")
            .with_hint("fetch it in a step that has a secret: RUN --mount=type=secret,..."));
}

}  // namespace

Result<std::optional<Remote>> remote_of(const std::string& source,
                                        const dockerfile::TransferStep& step) {
    TRY(check_user(source));
    if (is_repository(source)) return TRY(repository_of(source, step));
    if (is_http(source)) return TRY(file_of(source, step));
    return std::nullopt;
}

}  // namespace crank::build
