// Certificates of services, from the local authority (`crank certs init`): kept in
// ROOT/projects/PROJECT/certificates:
//
//   SERVICE        the directory that the service's containers have mounted, read-only: cert.pem,
//                  key.pem and ca.pem (pki/identity_dir.h), the worker's own
//   SERVICE.json   what it was made for, by which authority, and when
//
// One certificate is for all containers of a service, and for all its releases. Where two thirds of
// its time are over it is made again in its place, which running containers see.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "engine/paths.h"
#include "oci/users.h"

namespace crank::deploy {

class Certificates {
public:
    // `authority`: the directory that new ones are made by; empty where nobody has said.
    Certificates(const engine::Paths& paths, const std::string& project, std::string authority)
        : dir_(paths.root + "/projects/" + project + "/certificates"),
          authority_(std::move(authority)) {}

    // The service's directory, with a certificate that is good, for that owner. `service` asks for
    // one. Errors: not_found (no authority), and what crank-net says.
    Result<std::string> keep(const compose::Service& service, const oci::Owner& owner) const;

    // Those of which two thirds of their time are over, by their services: made again, as they were
    // made. The first error is told once all have been tried.
    Result<std::vector<std::string>> renew() const;

    std::string directory_of(const std::string& service) const { return dir_ + "/" + service; }

    // All but those of these services. Best effort.
    void keep_only(const std::set<std::string>& services) const;

private:
    struct Made {
        std::string authority, trusted;  // its directory; the digest of its certificate
        std::int64_t at = 0, days = 0;   // seconds since 1970
        std::vector<std::string> words;  // of `crank certs issue`, but for where from and where to
    };

    Result<Made> read(const std::string& service) const;
    Result<> make(const std::string& service, Made made) const;
    bool is_good(const std::string& service, const Made& made) const;

    std::string dir_, authority_;
};

// As `certs.authority` says, or ~/.crank/ca; empty where there is no home directory.
std::string authority_directory(const std::string& configured);

}  // namespace crank::deploy
