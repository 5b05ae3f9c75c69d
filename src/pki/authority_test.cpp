#include "pki/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pki/x509.h"

namespace crank::pki {
namespace {

using testing::HasSubstr;

// Verification looks at the real clock, so the certificates must be valid now; and by time(2),
// which lags behind the other clock by up to a tick.
TimePoint now() {
    constexpr std::chrono::seconds kTick{1};
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) - kTick;
}

LeafPlan plan_for(const std::string& name) {
    return plan_leaf({.name = name, .dns = {"mail.internal"}}, now()).value();
}

// X509_V_OK, or the reason why `leaf` is not a `purpose` certificate under `authority`.
int verify(const std::string& authority, const std::string& leaf, int purpose,
           const char* host = nullptr, const char* ip = nullptr) {
    CertPtr root = certificate_from_pem(authority).value();
    CertPtr certificate = certificate_from_pem(leaf).value();
    std::unique_ptr<X509_STORE, Free<X509_STORE_free>> store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), root.get());
    std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
    X509_STORE_CTX_set_purpose(context.get(), purpose);
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
    if (host != nullptr) X509_VERIFY_PARAM_set1_host(parameters, host, 0);
    if (ip != nullptr) X509_VERIFY_PARAM_set1_ip_asc(parameters, ip);
    if (X509_verify_cert(context.get()) == 1) return X509_V_OK;
    return X509_STORE_CTX_get_error(context.get());
}

TEST(Authority, IssuesLeavesThatVerify) {
    Authority authority = Authority::create(now()).value();
    const std::string root = authority.certificate_pem().value();
    Leaf leaf = authority.issue(plan_for("email-classifier"), now()).value();
    for (int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
        for (const char* host : {"email-classifier", "localhost", "mail.internal"})
            EXPECT_EQ(verify(root, leaf.certificate, purpose, host), X509_V_OK) << host;
        for (const char* ip : {"127.0.0.1", "::1"})
            EXPECT_EQ(verify(root, leaf.certificate, purpose, nullptr, ip), X509_V_OK) << ip;
    }
    EXPECT_EQ(verify(root, leaf.certificate, X509_PURPOSE_SSL_SERVER, "other"),
              X509_V_ERR_HOSTNAME_MISMATCH);
    EXPECT_NE(verify(root, leaf.certificate, X509_PURPOSE_SMIME_SIGN), X509_V_OK);
}

TEST(Authority, KeyBelongsToCertificate) {
    Authority authority = Authority::create(now()).value();
    Leaf leaf = authority.issue(plan_for("a"), now()).value();
    CertPtr certificate = certificate_from_pem(leaf.certificate).value();
    KeyPtr key = key_from_pem(leaf.key).value();
    EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1);
    EXPECT_THAT(leaf.key.reveal(), HasSubstr("BEGIN PRIVATE KEY"));
}

TEST(Authority, SerialsDiffer) {
    Authority authority = Authority::create(now()).value();
    Leaf first = authority.issue(plan_for("a"), now()).value();
    Leaf second = authority.issue(plan_for("a"), now()).value();
    EXPECT_EQ(first.serial.size(), 32U);
    EXPECT_NE(first.serial, second.serial);
}

TEST(Authority, OtherAuthorityDoesNotVouch) {
    Authority ours = Authority::create(now()).value();
    Authority theirs = Authority::create(now()).value();
    Leaf leaf = theirs.issue(plan_for("a"), now()).value();
    EXPECT_NE(verify(ours.certificate_pem().value(), leaf.certificate, X509_PURPOSE_SSL_SERVER),
              X509_V_OK);
}

TEST(Authority, NameConstraintsHoldAddressesToPrivateRanges) {
    Authority authority = Authority::create(now()).value();
    KeyPtr authority_key = key_from_pem(authority.key_pem().value()).value();
    CertPtr root = certificate_from_pem(authority.certificate_pem().value()).value();
    auto forged = [&](const char* san) {
        KeyPtr key = make_key().value();
        CertPtr certificate =
            make_certificate("a", key.get(), now(), now() + std::chrono::days(1)).value();
        X509_set_issuer_name(certificate.get(), X509_get_subject_name(root.get()));
        EXPECT_TRUE(add_extension(certificate.get(), root.get(), NID_authority_key_identifier,
                                  "keyid:always"));
        EXPECT_TRUE(
            add_extension(certificate.get(), root.get(), NID_subject_key_identifier, "hash"));
        EXPECT_TRUE(add_extension(certificate.get(), root.get(), NID_subject_alt_name, san));
        X509_sign(certificate.get(), authority_key.get(), EVP_sha256());
        return verify(authority.certificate_pem().value(),
                      certificate_to_pem(certificate.get()).value(), X509_PURPOSE_SSL_SERVER);
    };
    EXPECT_EQ(forged("IP:10.1.2.3"), X509_V_OK);
    EXPECT_EQ(forged("IP:fd00::1"), X509_V_OK);
    EXPECT_EQ(forged("IP:8.8.8.8"), X509_V_ERR_PERMITTED_VIOLATION);
    EXPECT_EQ(forged("IP:2001:db8::1"), X509_V_ERR_PERMITTED_VIOLATION);
    EXPECT_EQ(forged("email:root@example.com"), X509_V_ERR_PERMITTED_VIOLATION);
}

TEST(Authority, ComesBackFromPem) {
    Authority authority = Authority::create(now()).value();
    const std::string root = authority.certificate_pem().value();
    auto again = Authority::from_pem(root, authority.key_pem().value());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->not_after(), authority.not_after());
    Leaf leaf = again->issue(plan_for("a"), now()).value();
    EXPECT_EQ(verify(root, leaf.certificate, X509_PURPOSE_SSL_SERVER, "a"), X509_V_OK);
}

TEST(Authority, RefusesWhatIsNoAuthority) {
    Authority authority = Authority::create(now()).value();
    Authority other = Authority::create(now()).value();
    Leaf leaf = authority.issue(plan_for("a"), now()).value();
    const std::string root = authority.certificate_pem().value();

    auto garbage = Authority::from_pem("hello", authority.key_pem().value());
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error().code(), Code::corrupt);
    EXPECT_THAT(garbage.error().text(), HasSubstr("not a certificate in PEM"));

    auto no_key = Authority::from_pem(root, Secret(""));
    ASSERT_FALSE(no_key);
    EXPECT_THAT(no_key.error().text(), HasSubstr("not a private key in PEM"));

    auto mixed = Authority::from_pem(root, other.key_pem().value());
    ASSERT_FALSE(mixed);
    EXPECT_THAT(mixed.error().text(), HasSubstr("does not belong"));

    auto worker = Authority::from_pem(leaf.certificate, leaf.key);
    ASSERT_FALSE(worker);
    EXPECT_THAT(worker.error().text(), HasSubstr("not an authority's"));
}

TEST(Authority, LeafEndsWithItsAuthority) {
    const TimePoint birth = now() - std::chrono::days(kAuthorityDays - 10);
    Authority old = Authority::create(birth).value();
    Leaf leaf = old.issue(plan_for("a"), now()).value();
    EXPECT_EQ(leaf.not_after, old.not_after());
}

TEST(Authority, ExpiredIssuesNothing) {
    Authority old = Authority::create(now() - std::chrono::days(kAuthorityDays + 1)).value();
    auto leaf = old.issue(plan_for("a"), now());
    ASSERT_FALSE(leaf);
    EXPECT_EQ(leaf.error().code(), Code::failed_precondition);
    EXPECT_THAT(leaf.error().hint(), HasSubstr("crank certs init"));
}

}  // namespace
}  // namespace crank::pki
