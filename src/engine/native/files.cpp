#include "engine/native/files.h"

#include <algorithm>

#include "engine/local/secrets.h"
#include "sys/file.h"
#include "sys/placement.h"

namespace crank::engine::native {
namespace {

constexpr std::string_view kSecrets = "SECRETS_DIR", kConfigs = "CONFIGS_DIR";
constexpr mode_t kOwn = 0700, kReadByOwner = 0400;

std::string secrets_of(const Paths& paths, const Record& record) {
    return paths.monitor(record.id) + "/secrets";
}
std::string configs_of(const Paths& paths, const Record& record) {
    return paths.monitor(record.id) + "/configs";
}

void set(std::string_view name, const std::string& value, std::vector<std::string>& env) {
    const std::string before = std::string(name) + "=";
    std::erase_if(env, [&](const std::string& variable) {
        return variable == name || variable.starts_with(before);
    });
    env.push_back(before + value);
}

// Before anything is written.
Result<> check_memory(const Paths& paths, const std::string& directory) {
    if (TRY(sys::lies_in_memory(directory))) return {};
    return fail(Error(Code::unsupported, "a native worker's secrets lie in memory alone, and " +
                                             paths.state + " is on a disk")
                    .with_hint("CRANK_STATE (or --state), a directory of a tmpfs: /run, "
                               "/run/user/UID or /dev/shm usually are"));
}

Result<> write_secret(const std::string& directory, const SecretFile& secret) {
    Result<Secret> content = local::read_secret(secret);
    if (!content && content.error().code() == Code::invalid_argument)
        return fail(std::move(content.error())
                        .with_hint("a native worker sees the host's directories where they are"));
    return sys::write_file_atomic(directory + "/" + secret.destination,
                                  TRY(std::move(content)).reveal(), kReadByOwner, sys::Sync::no);
}

Result<> make_secrets(const Paths& paths, const Record& record) {
    if (record.secrets.empty()) return {};
    const std::string directory = secrets_of(paths, record);
    TRY(sys::make_dirs(directory, kOwn));
    TRY(check_memory(paths, directory));
    for (const SecretFile& secret : record.secrets)
        TRY_IN(write_secret(directory, secret), "secret " + secret.destination);
    return {};
}

}  // namespace

void add_directories(const Paths& paths, const Record& record, std::vector<std::string>& env) {
    if (!record.secrets.empty()) set(kSecrets, secrets_of(paths, record), env);
    if (!record.config_links.empty()) set(kConfigs, configs_of(paths, record), env);
}

Result<> make_files(const Paths& paths, const Record& record) {
    TRY(make_secrets(paths, record));
    if (record.config_links.empty()) return {};
    const std::string directory = configs_of(paths, record);
    TRY(sys::make_dirs(directory, kOwn));
    for (const ConfigLink& config : record.config_links)
        TRY_IN(sys::make_symlink(config.source, directory + "/" + config.name),
               "config " + config.name);
    return {};
}

void end_files(const Paths& paths, const Record& record, std::vector<runtime::AfterExit>& after) {
    using Kind = runtime::AfterExit::Kind;
    if (!record.secrets.empty()) after.push_back({Kind::remove_tree, secrets_of(paths, record)});
    if (!record.config_links.empty())
        after.push_back({Kind::remove_tree, configs_of(paths, record)});
}

}  // namespace crank::engine::native
