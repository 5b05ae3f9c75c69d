#include "net/tls_probe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "net/sandbox.h"
#include "registry/lane.h"
#include "sys/file.h"
#include "sys/signals.h"

namespace crank::net {
namespace {

constexpr int kStdin = 0, kStdout = 1, kConnection = 3;
constexpr std::size_t kMostBytes = std::size_t{8} << 10;  // of a question, and of its answer

template <auto F>
struct Free {
    template <class T>
    void operator()(T* p) const {
        F(p);
    }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using CertPtr = std::unique_ptr<X509, Free<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;

std::string reason() {
    unsigned long first = ERR_get_error();
    const char* text = first == 0 ? nullptr : ERR_reason_error_string(first);
    bool plain = first != 0 && ERR_GET_REASON(first) == SSL_R_WRONG_VERSION_NUMBER;
    if (plain) return "it does not speak TLS";
    return text == nullptr ? "the connection was closed" : text;
}

std::string text_of(const ASN1_TIME* time) {
    BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio || ASN1_TIME_print(bio.get(), time) != 1) return "?";
    char* data = nullptr;
    long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "?";
}

Result<std::string> check_certificate(SSL* session) {
    CertPtr cert(SSL_get1_peer_certificate(session));
    if (!cert) return fail(Code::corrupt, "it has no certificate");
    const ASN1_TIME* begin = X509_get0_notBefore(cert.get());
    const ASN1_TIME* end = X509_get0_notAfter(cert.get());
    if (X509_cmp_current_time(end) < 0)
        return fail(Code::corrupt,
                    "its certificate has expired: it was valid until " + text_of(end));
    if (X509_cmp_current_time(begin) > 0)
        return fail(Code::corrupt, "its certificate is not valid before " + text_of(begin));
    return std::string(SSL_get_version(session)) + ", its certificate is valid until " +
           text_of(end);
}

Result<> ask(SSL* session, const std::string& question) {
    if (SSL_write(session, question.data(), static_cast<int>(question.size())) <= 0)
        return fail(Code::io, "send the request: " + reason());
    std::string answer;
    std::array<char, 4096> buffer;
    while (answer.size() < kMostBytes) {
        int n = SSL_read(session, buffer.data(), static_cast<int>(buffer.size()));
        if (n > 0) {
            answer.append(buffer.data(), static_cast<std::size_t>(n));
            continue;
        }
        // Many servers close without TLS's own farewell.
        unsigned long error = ERR_peek_error();
        bool refused = SSL_get_error(session, n) == SSL_ERROR_SSL && answer.empty() &&
                       ERR_GET_REASON(error) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
        if (refused) return fail(Code::io, "it refused: " + reason());
        break;
    }
    return sys::write_all(kStdout, answer, "standard output");
}

Result<std::string> handshake_and_ask() {
    std::string question = TRY(sys::read_all(kStdin, kMostBytes, "standard input"));
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail(Code::internal, "make a TLS context: " + reason());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    SessionPtr session(SSL_new(context.get()));
    if (!session || SSL_set_fd(session.get(), kConnection) != 1)
        return fail(Code::internal, "make a TLS session: " + reason());
    if (SSL_connect(session.get()) != 1) return fail(Code::io, "the handshake failed: " + reason());
    std::string what = TRY(check_certificate(session.get()));
    if (!question.empty()) TRY(ask(session.get(), question));
    return what;
}

}  // namespace

Result<> serve_probe() {
    sys::ignore_broken_pipe();
    TRY(enter_sandbox());
    std::string what = TRY(handshake_and_ask());
    // The worker's words.
    std::fprintf(stderr, "%s\n", registry::shown(what).c_str());
    return {};
}

}  // namespace crank::net
