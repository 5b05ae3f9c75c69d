// The user's credentials for registries: found in the files and helpers that Docker and podman use,
// stored as Docker stores them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "registry/auth_file.h"

namespace crank::net {

// Where they may stand, in the order in which they are asked.
struct CredentialPlaces {
    std::vector<std::string> files;
    std::string written;  // by login
    std::string search;   // PATH, for helpers
    // RegistriesConf::credential_helpers(): where the files have their turn, and who has it else.
    std::vector<std::string> helpers;

    // From REGISTRY_AUTH_FILE (then no other file counts), DOCKER_CONFIG, HOME, XDG_RUNTIME_DIR,
    // XDG_CONFIG_HOME and registries.conf. Errors: those of that file.
    static Result<CredentialPlaces> of_environment();
};

// nothing: there are none, which is no error. A helper that is configured and missing or failing is
// one, never passed over: asking without it could send what it knows to somebody else
// (CVE-2021-41092). Errors: corrupt (naming the file), not_found (the helper), failed_precondition.
Result<std::optional<registry::Credential>> find_credential(const CredentialPlaces& places,
                                                            const std::string& domain,
                                                            const std::string& repository);

// Where it was stored: a path, or a helper's name.
Result<std::string> store_credential(const CredentialPlaces& places, const std::string& domain,
                                     const registry::Credential& credential);
// Whether there was one.
Result<bool> erase_credential(const CredentialPlaces& places, const std::string& domain);

}  // namespace crank::net
