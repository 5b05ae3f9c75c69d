#include "net/credentials.h"

#include <cstdlib>

#include "base/text.h"
#include "net/conf.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/system.h"

namespace crank::net {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20, kMaxInput = 60 * 1024;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Result<std::string> read_if_there(const std::string& path) {
    auto text = sys::read_file(path, kMaxFile);
    if (text || text.error().code() != Code::not_found) return text;
    return std::string();
}

Result<registry::AuthFile> read_auth_file(const std::string& path) {
    return TRY_IN(registry::parse_auth_file(TRY(read_if_there(path))), path);
}

Result<std::string> find_helper(const CredentialPlaces& places, const std::string& name) {
    std::string program = "docker-credential-" + name;
    for (const std::string& directory : split(places.search, ':'))
        if (directory.starts_with('/') && sys::exists(directory + "/" + program))
            return directory + "/" + program;
    return fail(Error(Code::not_found, "the credential helper " + program + " is not installed")
                    .with_hint("install it, or take it out of the configuration (credsStore, "
                               "credHelpers, credential-helpers)"));
}

struct Answer {
    bool ok = false;
    std::string out;
};

Result<Answer> ask_helper(const CredentialPlaces& places, const std::string& name, const char* verb,
                          const std::string& input) {
    std::string path = TRY(find_helper(places, name));
    // All of it fits into the pipe, so that nobody has to write while the helper runs.
    if (input.size() > kMaxInput) return fail(Code::exhausted, "the credentials are too long");
    sys::Pipe pipe = TRY(sys::make_pipe());
    TRY(sys::write_all(pipe.write.get(), input, "a credential helper"));
    pipe.write.reset();
    sys::SpawnRequest request;
    request.path = path;
    request.args = {path.substr(path.rfind('/') + 1), verb};
    request.env = sys::environment();
    request.fds = {{pipe.read.get(), 0}};
    auto output = TRY(sys::run_command(request));
    return Answer{output.status.shell_code() == 0, std::string(trim(output.out))};
}

Error helper_error(const std::string& name, const char* verb) {
    // What it printed may hold secrets.
    return Error(Code::failed_precondition,
                 "the credential helper docker-credential-" + name + " failed to " + verb);
}

Result<std::optional<registry::Credential>> get_from_helper(const CredentialPlaces& places,
                                                            const std::string& name,
                                                            const std::string& key) {
    Answer answer = TRY(ask_helper(places, name, "get", key));
    if (!answer.ok) {
        // docker-credential-helpers: the one text that says "there are none"
        if (answer.out == "credentials not found in native keychain")
            return std::optional<registry::Credential>();
        return fail(helper_error(name, "get").with_context("credentials for " + key));
    }
    return std::optional(TRY_IN(registry::parse_helper_answer(answer.out),
                                "the answer of docker-credential-" + name));
}

std::string helper_of(const registry::AuthFile& file, const std::string& key) {
    auto own = file.helpers.find(key);
    return own != file.helpers.end() ? own->second : file.store;
}

Result<> write_auth_file(const std::string& path, const std::string& text) {
    TRY(sys::make_dirs(path.substr(0, path.rfind('/')), 0700));
    return sys::write_file_atomic(path, text, 0600, sys::Sync::yes);
}

}  // namespace

Result<CredentialPlaces> CredentialPlaces::of_environment() {
    CredentialPlaces out;
    out.search = environment("PATH");
    out.helpers = TRY(read_registries_conf()).credential_helpers();
    if (std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) {
        out.files = {file};
        out.written = file;
        return out;
    }
    std::string home = environment("HOME"), docker = environment("DOCKER_CONFIG");
    if (docker.empty() && !home.empty()) docker = home + "/.docker";
    if (!docker.empty()) {
        out.written = docker + "/config.json";
        out.files.push_back(out.written);
    }
    if (std::string runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
        out.files.push_back(runtime + "/containers/auth.json");
    else
        out.files.push_back("/run/containers/" + std::to_string(sys::effective_uid()) +
                            "/auth.json");
    std::string config = environment("XDG_CONFIG_HOME");
    if (config.empty() && !home.empty()) config = home + "/.config";
    if (!config.empty()) out.files.push_back(config + "/containers/auth.json");
    return out;
}

namespace {

Result<std::optional<registry::Credential>> find_in_files(const CredentialPlaces& places,
                                                          const std::string& domain,
                                                          const std::string& repository) {
    std::string host_key = registry::auth_key(domain);
    for (const std::string& path : places.files) {
        registry::AuthFile file = TRY(read_auth_file(path));
        if (std::string helper = helper_of(file, host_key); !helper.empty()) {
            auto found = TRY_IN(get_from_helper(places, helper, host_key), path);
            if (found) return found;
            continue;
        }
        for (const std::string& key : registry::auth_keys(domain, repository))
            if (auto at = file.entries.find(key); at != file.entries.end())
                return std::optional(std::move(at->second));
    }
    return std::optional<registry::Credential>();
}

Result<std::string> store_in_helper(const CredentialPlaces& places, const std::string& helper,
                                    const std::string& key,
                                    const registry::Credential& credential) {
    Answer answer =
        TRY(ask_helper(places, helper, "store", TRY(registry::helper_input(key, credential))));
    if (!answer.ok) return fail(helper_error(helper, "store"));
    return "docker-credential-" + helper;
}

// false: it had none.
Result<bool> erase_in_helper(const CredentialPlaces& places, const std::string& helper,
                             const std::string& key) {
    if (!TRY(get_from_helper(places, helper, key))) return false;
    Answer answer = TRY(ask_helper(places, helper, "erase", key));
    if (!answer.ok) return fail(helper_error(helper, "erase"));
    return true;
}

bool is_files(const std::string& helper) { return helper == registry::RegistriesConf::kAuthFiles; }

Result<std::string> store_in_file(const CredentialPlaces& places, const std::string& domain,
                                  const registry::Credential& credential) {
    if (places.written.empty())
        return fail(Code::failed_precondition, "HOME is not set, and neither is DOCKER_CONFIG");
    std::string key = registry::auth_key(domain);
    std::string text = TRY(read_if_there(places.written));
    auto file = TRY_IN(registry::parse_auth_file(text), places.written);
    std::string helper = helper_of(file, key);
    if (helper.empty()) {
        TRY(write_auth_file(places.written, TRY(registry::with_entry(text, key, credential))));
        return places.written;
    }
    std::string where = TRY(store_in_helper(places, helper, key, credential));
    TRY(write_auth_file(places.written, TRY(registry::with_empty_entry(text, key))));
    return where;
}

Result<bool> erase_in_file(const CredentialPlaces& places, const std::string& domain) {
    if (places.written.empty()) return false;
    std::string key = registry::auth_key(domain);
    std::string text = TRY(read_if_there(places.written));
    auto file = TRY_IN(registry::parse_auth_file(text), places.written);
    bool erased = false;
    if (std::string helper = helper_of(file, key); !helper.empty()) {
        if (!TRY(erase_in_helper(places, helper, key))) return false;
        erased = true;
    }
    auto without = TRY_IN(registry::without_entry(text, key), places.written);
    if (without.was_there) TRY(write_auth_file(places.written, without.json));
    return erased || without.was_there;
}

}  // namespace

Result<std::optional<registry::Credential>> find_credential(const CredentialPlaces& places,
                                                            const std::string& domain,
                                                            const std::string& repository) {
    for (const std::string& helper : places.helpers) {
        auto found = is_files(helper) ? find_in_files(places, domain, repository)
                                      : get_from_helper(places, helper, registry::auth_key(domain));
        if (!found || *found) return found;
    }
    return std::optional<registry::Credential>();
}

Result<std::string> store_credential(const CredentialPlaces& places, const std::string& domain,
                                     const registry::Credential& credential) {
    if (places.helpers.empty())
        return fail(Code::failed_precondition, "registries.conf names no credential-helpers");
    const std::string& helper = places.helpers.front();
    if (is_files(helper)) return store_in_file(places, domain, credential);
    return store_in_helper(places, helper, registry::auth_key(domain), credential);
}

Result<bool> erase_credential(const CredentialPlaces& places, const std::string& domain) {
    bool erased = false;
    for (const std::string& helper : places.helpers)
        if (TRY(is_files(helper) ? erase_in_file(places, domain)
                                 : erase_in_helper(places, helper, registry::auth_key(domain))))
            erased = true;
    return erased;
}

}  // namespace crank::net
