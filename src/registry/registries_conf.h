// registries.conf, version 2 (containers-registries.conf(5)): where the names of images lead.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/reference.h"

namespace crank::registry {

struct Mirror {
    std::string location;
    bool insecure = false;
};

struct RegistryRule {
    std::string prefix;    // "quay.io", "quay.io/team", "*.example"
    std::string location;  // what takes the prefix's place; empty: the prefix
    bool insecure = false, blocked = false, mirror_by_digest_only = false;
    std::vector<Mirror> mirrors;
};

// One place where an image may be found.
struct Endpoint {
    std::string domain, repository;
    bool insecure = false;
    bool mirror = false;
};

class RegistriesConf {
public:
    // Adds a file's rules; of two for one prefix the later wins, as do its lists and aliases.
    // Errors: invalid_argument naming the file and the line or the field; unsupported: version 1.
    Result<> add(std::string_view text, const std::string& file);

    // The references that a name without a registry stands for: of an alias, else of each
    // unqualified-search-registry, else Docker's registry. `typed` is what the person wrote.
    std::vector<oci::Reference> candidates(const std::string& typed,
                                           const oci::Reference& reference) const;
    // Where to look for a reference, mirrors first. Errors: permission_denied where it is blocked.
    Result<std::vector<Endpoint>> endpoints(const oci::Reference& reference) const;
    // Where credentials are, in order: kAuthFiles stands for the files of containers-auth.json(5),
    // other names for helpers, docker-credential-NAME.
    static constexpr std::string_view kAuthFiles = "containers-auth.json";
    const std::vector<std::string>& credential_helpers() const { return helpers_; }

private:
    const RegistryRule* rule_for(const oci::Reference& reference) const;
    std::map<std::string, RegistryRule> rules_;
    std::vector<std::string> search_;
    std::vector<std::string> helpers_{std::string(kAuthFiles)};
    std::map<std::string, std::string> aliases_;
};

}  // namespace crank::registry
