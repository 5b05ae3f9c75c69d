// Ownership and errors of OpenSSL's objects. Private to this room.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace crank::pki {

template <auto F>
struct Free {
    template <class T>
    void operator()(T* p) const {
        F(p);
    }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Free<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Free<GENERAL_NAME_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;

// The first entry of this thread's error queue as an Error, and an empty queue.
Error openssl_error(Code code, std::string what,
                    std::source_location where = std::source_location::current());

// For calls that fail only when memory or entropy runs out.
Result<> check(bool ok, const char* what,
               std::source_location where = std::source_location::current());

std::string take_text(BIO* bio);  // all that was written to a memory BIO
BioPtr view_text(std::string_view text);

}  // namespace crank::pki
