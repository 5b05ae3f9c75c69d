#include "pki/authority.h"

#include <algorithm>

#include "base/text.h"
#include "pki/x509.h"

namespace crank::pki {
namespace {

// Loopback and the private ranges of RFC 1918 and RFC 4193; no mail address has the domain
// "invalid" (RFC 6761), so none is permitted.
constexpr const char* kNameConstraints =
    "critical,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0,"
    "permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,"
    "permitted;IP:0:0:0:0:0:0:0:1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,"
    "permitted;IP:fc00:0:0:0:0:0:0:0/fe00:0:0:0:0:0:0:0,permitted;email:invalid";

struct ExtensionText {
    int nid;
    const char* value;
};

// The subject's key identifier stands before the authority's, which a self-signed certificate takes
// from it.
constexpr ExtensionText kAuthorityExtensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_name_constraints, kNameConstraints},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};
constexpr ExtensionText kLeafExtensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},   {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth,clientAuth"},   {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

Result<> sign(X509* certificate, EVP_PKEY* key) {
    return check(X509_sign(certificate, key, EVP_sha256()) > 0, "sign a certificate");
}

}  // namespace

struct Authority::Parts {
    CertPtr certificate;
    KeyPtr key;
};

Authority::Authority(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Authority::Authority(Authority&&) noexcept = default;
Authority& Authority::operator=(Authority&&) noexcept = default;
Authority::~Authority() = default;

Result<Authority> Authority::create(TimePoint now) {
    KeyPtr key = TRY(make_key());
    CertPtr certificate = TRY(make_certificate("crank local CA", key.get(), now - kClockSkew,
                                               now + std::chrono::days(kAuthorityDays)));
    X509* raw = certificate.get();
    TRY(check(X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1, "set an issuer"));
    for (const auto& [nid, value] : kAuthorityExtensions) TRY(add_extension(raw, raw, nid, value));
    TRY(sign(raw, key.get()));
    return Authority(std::make_unique<Parts>(std::move(certificate), std::move(key)));
}

Result<Authority> Authority::from_pem(std::string_view certificate, const Secret& key) {
    auto parts = std::make_unique<Parts>();
    parts->certificate = TRY(certificate_from_pem(certificate));
    parts->key = TRY(key_from_pem(key));
    if (X509_check_ca(parts->certificate.get()) != 1)
        return fail(Code::corrupt, "the certificate is not an authority's");
    if (X509_check_private_key(parts->certificate.get(), parts->key.get()) != 1)
        return fail(openssl_error(Code::corrupt, "the key does not belong to the certificate"));
    return Authority(std::move(parts));
}

Result<Leaf> Authority::issue(const LeafPlan& plan, TimePoint now) const {
    if (not_after() <= now)
        return fail(Error(Code::failed_precondition, "the authority has expired")
                        .with_hint("move its directory away and type: crank certs init"));
    // A chain is no longer valid than its authority: say so in the leaf, so that it is renewed.
    const TimePoint end = std::min(plan.not_after, not_after());
    KeyPtr key = TRY(make_key());
    CertPtr certificate = TRY(make_certificate(plan.common_name, key.get(), plan.not_before, end));
    X509* issuer = parts_->certificate.get();
    TRY(check(X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) == 1,
              "set an issuer"));
    for (const auto& [nid, value] : kLeafExtensions)
        TRY(add_extension(certificate.get(), issuer, nid, value));
    TRY(add_names(certificate.get(), plan));
    TRY(sign(certificate.get(), parts_->key.get()));
    return Leaf{TRY(certificate_to_pem(certificate.get())), TRY(key_to_pem(key.get())),
                serial_of(certificate.get()), end};
}

Result<std::string> Authority::certificate_pem() const {
    return certificate_to_pem(parts_->certificate.get());
}
Result<Secret> Authority::key_pem() const { return key_to_pem(parts_->key.get()); }
std::string Authority::common_name() const { return common_name_of(parts_->certificate.get()); }
TimePoint Authority::not_after() const { return end_of(parts_->certificate.get()); }

}  // namespace crank::pki
