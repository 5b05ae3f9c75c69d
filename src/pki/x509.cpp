#include "pki/x509.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <ctime>

#include "base/text.h"

namespace crank::pki {
namespace {

constexpr int kSerialBits = 127;
constexpr std::array<std::uint8_t, 4> kLoopback4{127, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kLoopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

// There is a file to decrypt only where somebody else wrote it: never ask for a pass phrase.
int no_pass_phrase(char*, int, int, void*) { return -1; }

Result<> add_subject_entry(X509_NAME* name, const char* field, const std::string& value) {
    return check(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                            reinterpret_cast<const unsigned char*>(value.data()),
                                            static_cast<int>(value.size()), -1, 0) == 1,
                 "set the subject of a certificate");
}

Result<> set_serial(X509* certificate) {
    NumberPtr number(BN_new());
    TRY(check(number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY),
              "draw a serial number"));
    return check(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
                 "set a serial number");
}

Result<> set_validity(X509* certificate, TimePoint not_before, TimePoint not_after) {
    return check(ASN1_TIME_set(X509_getm_notBefore(certificate),
                               static_cast<time_t>(not_before.time_since_epoch().count())) &&
                     ASN1_TIME_set(X509_getm_notAfter(certificate),
                                   static_cast<time_t>(not_after.time_since_epoch().count())),
                 "set the validity of a certificate");
}

// `type` is GEN_DNS, GEN_URI or GEN_IPADD; `bytes` the name as it stands in the certificate.
Result<> push_name(GENERAL_NAMES* names, int type, std::string_view bytes) {
    NamePtr name(GENERAL_NAME_new());
    ASN1_STRING* value =
        ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    TRY(check(name && value, "make an alternative name"));
    GENERAL_NAME_set0_value(name.get(), type, value);  // owns `value` from here
    TRY(check(ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) &&
                  sk_GENERAL_NAME_push(names, name.get()) > 0,
              "add an alternative name"));
    (void)name.release();
    return {};
}

template <std::size_t N>
std::string_view as_text(const std::array<std::uint8_t, N>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), N};
}

}  // namespace

Result<KeyPtr> make_key() {
    KeyPtr key(EVP_EC_gen("P-256"));
    TRY(check(key != nullptr, "make a key"));
    return key;
}

Result<CertPtr> make_certificate(const std::string& common_name, EVP_PKEY* key,
                                 TimePoint not_before, TimePoint not_after) {
    CertPtr certificate(X509_new());
    TRY(check(certificate && X509_set_version(certificate.get(), X509_VERSION_3),
              "make a certificate"));
    TRY(set_serial(certificate.get()));
    TRY(set_validity(certificate.get(), not_before, not_after));
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    TRY(add_subject_entry(subject, "O", "crank"));
    TRY(add_subject_entry(subject, "CN", common_name));
    TRY(check(X509_set_pubkey(certificate.get(), key) == 1, "set the key of a certificate"));
    return certificate;
}

Result<> add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    return check(extension && X509_add_ext(certificate, extension.get(), -1) == 1,
                 "add an extension");
}

Result<> add_names(X509* certificate, const LeafPlan& plan) {
    NamesPtr names(GENERAL_NAMES_new());
    TRY(check(names != nullptr, "make alternative names"));
    TRY(push_name(names.get(), GEN_URI, plan.spiffe_id));
    for (const auto& name : plan.dns) TRY(push_name(names.get(), GEN_DNS, name));
    TRY(push_name(names.get(), GEN_IPADD, as_text(kLoopback4)));
    TRY(push_name(names.get(), GEN_IPADD, as_text(kLoopback6)));
    return check(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0,
                                   X509V3_ADD_APPEND) == 1,
                 "add alternative names");
}

Result<std::string> certificate_to_pem(X509* certificate) {
    BioPtr bio(BIO_new(BIO_s_mem()));
    TRY(check(bio && PEM_write_bio_X509(bio.get(), certificate), "write a certificate"));
    return take_text(bio.get());
}

Result<Secret> key_to_pem(EVP_PKEY* key) {
    // The secure flavour overwrites its memory when it goes.
    BioPtr bio(BIO_new(BIO_s_secmem()));
    TRY(check(
        bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
        "write a key"));
    return Secret(take_text(bio.get()));
}

Result<CertPtr> certificate_from_pem(std::string_view text) {
    BioPtr bio = view_text(text);
    TRY(check(bio != nullptr, "read a certificate"));
    CertPtr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!certificate) return fail(openssl_error(Code::corrupt, "not a certificate in PEM"));
    return certificate;
}

Result<KeyPtr> key_from_pem(const Secret& text) {
    BioPtr bio = view_text(text.reveal());
    TRY(check(bio != nullptr, "read a key"));
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!key) return fail(openssl_error(Code::corrupt, "not a private key in PEM"));
    return key;
}

std::string serial_of(const X509* certificate) {
    NumberPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
    if (!number) return {};
    char* hex = BN_bn2hex(number.get());
    std::string text = hex != nullptr ? to_lower(hex) : std::string();
    OPENSSL_free(hex);
    return text;
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
            static_cast<std::size_t>(ASN1_STRING_length(value))};
}

TimePoint end_of(const X509* certificate) {
    std::tm end{};
    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
    return TimePoint(std::chrono::seconds(timegm(&end)));
}

}  // namespace crank::pki
