// The parts of a certificate that authorities and leaves have in common. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "pki/identity.h"
#include "pki/openssl.h"

namespace crank::pki {

// A new EC P-256 key.
Result<KeyPtr> make_key();

// A v3 certificate with a random serial number of 127 bits (RFC 5280 section 4.1.2.2: positive, at
// most 20 octets), its subject "O=crank, CN=`common_name`", its validity and its public key.
Result<CertPtr> make_certificate(const std::string& common_name, EVP_PKEY* key,
                                 TimePoint not_before, TimePoint not_after);

// An extension from OpenSSL's configuration notation (x509v3_config(5)). `value` must be a text of
// ours: names that a user gave go through add_names. `issuer` may be the certificate itself.
Result<> add_extension(X509* certificate, X509* issuer, int nid, const char* value);

// The subject alternative name: the SPIFFE id, the DNS names, 127.0.0.1 and ::1.
Result<> add_names(X509* certificate, const LeafPlan& plan);

Result<std::string> certificate_to_pem(X509* certificate);
Result<Secret> key_to_pem(EVP_PKEY* key);
Result<CertPtr> certificate_from_pem(std::string_view text);
Result<KeyPtr> key_from_pem(const Secret& text);

std::string serial_of(const X509* certificate);  // lower-case hex, at least 32 digits
std::string common_name_of(const X509* certificate);
TimePoint end_of(const X509* certificate);

}  // namespace crank::pki
