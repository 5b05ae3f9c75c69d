#include "engine/local/secrets.h"

#include <utility>

#include "sys/file.h"
#include "sys/memory_mount.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

// The container's number as crank's own user namespace has it.
Result<std::uint32_t> outside(const Record& record, std::uint32_t id, std::uint32_t first) {
    if (!record.ids) return id;
    std::uint32_t size = record.ids->range.size;
    if (id < size) return first + id;
    return fail(Code::invalid_argument, "its owner " + std::to_string(id) +
                                            " does not exist in the container, whose ids end at " +
                                            std::to_string(size - 1));
}

Result<sys::MemoryFile> file_for(const Record& record, const SecretFile& secret,
                                 const Secret& content, const std::string& name) {
    const ids::Range range = record.ids ? record.ids->range : ids::Range{};
    return sys::MemoryFile{.content = content.reveal(),
                           .mode = secret.mode,
                           .uid = TRY(outside(record, secret.uid.value_or(0), range.uid)),
                           .gid = TRY(outside(record, secret.gid.value_or(0), range.gid)),
                           .name = name};
}

}  // namespace

Result<Secret> read_secret(const SecretFile& secret) {
    Result<sys::FileInfo> info = sys::stat(secret.source);
    if (!info && info.error().code() == Code::not_found)
        return fail(Error(Code::not_found, secret.source + " does not exist")
                        .with_hint("write it, and start the container again"));
    if (!TRY(std::move(info)).is_regular())
        return fail(Error(Code::invalid_argument, secret.source + " is no regular file")
                        .with_hint("a directory is a bind mount: " + secret.source + ":" +
                                   secret.destination + ":ro"));
    return Secret(TRY(sys::read_file(secret.source, kMostBytes)));
}

std::string secret_place(const std::string& files_dir, std::size_t index) {
    return files_dir + "/secret-" + std::to_string(index);
}

std::vector<SecretFile> owned_by(const oci::User& worker, std::vector<SecretFile> secrets) {
    for (SecretFile& secret : secrets) {
        if (!secret.uid) secret.uid = worker.uid;
        if (!secret.gid) secret.gid = worker.gid;
    }
    return secrets;
}

Result<std::map<std::string, sys::UniqueFd>> mount_secrets(const Paths& paths,
                                                           const Record& record) {
    std::map<std::string, sys::UniqueFd> mounts;
    if (record.secrets.empty()) return mounts;
    std::vector<Secret> contents;
    std::vector<sys::MemoryFile> files;
    contents.reserve(record.secrets.size());  // the files hold views of them
    for (const SecretFile& secret : record.secrets) {
        const std::string what = "secret " + secret.destination;
        contents.push_back(TRY_IN(read_secret(secret), what));
        files.push_back(TRY_IN(file_for(record, secret, contents.back(), what), what));
    }
    auto made = sys::mount_memory_files(paths.mount_point(), files);
    if (!made && made.error().code() == Code::invalid_argument)
        return fail(std::move(made.error())
                        .with_hint("without root there are the ids that /etc/subuid and "
                                   "/etc/subgid give: crank doctor"));
    std::vector<sys::UniqueFd> all = TRY(std::move(made));
    for (std::size_t i = 0; i < all.size(); ++i)
        mounts.emplace(secret_place(paths.monitor(record.id), i), std::move(all[i]));
    return mounts;
}

}  // namespace crank::engine::local
