// A local certificate authority and the certificates it issues, in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "pki/identity.h"

namespace crank::pki {

// A worker's certificate (PEM, X.509 v3) and its key (PEM, PKCS#8).
struct Leaf {
    std::string certificate;
    Secret key;
    std::string serial;   // lower-case hex, 32 digits
    TimePoint not_after;  // the plan's, or the authority's own where that comes first
};

// An EC P-256 key (RFC 5480) with a self-signed certificate: CA:true with path length 0, so that it
// signs workers and no further authority; key use certificate and CRL signing; name constraints
// (RFC 5280 section 4.2.1.10) that hold IP addresses to loopback and private ranges and allow no
// mail address. URI and DNS names are not constrained: rustls refuses a URI name under any URI
// constraint, and a worker's bare name lies under no DNS subtree that could be named in advance.
class Authority {
public:
    static Result<Authority> create(TimePoint now);
    // Errors: corrupt where either text is no such thing, the two do not belong together, or the
    // certificate is not an authority's.
    static Result<Authority> from_pem(std::string_view certificate, const Secret& key);

    Authority(Authority&&) noexcept;
    Authority& operator=(Authority&&) noexcept;
    ~Authority();

    // Makes a new EC P-256 key and signs it for server and client use, with a random serial number.
    // `now` is compared with the authority's own validity.
    // Errors: failed_precondition where the authority has expired.
    Result<Leaf> issue(const LeafPlan& plan, TimePoint now) const;

    Result<std::string> certificate_pem() const;
    Result<Secret> key_pem() const;
    std::string common_name() const;
    TimePoint not_after() const;

private:
    struct Parts;
    explicit Authority(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace crank::pki
