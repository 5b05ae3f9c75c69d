#include "pki/openssl.h"

#include <openssl/err.h>

namespace crank::pki {

Error openssl_error(Code code, std::string what, std::source_location where) {
    const unsigned long first = ERR_get_error();
    ERR_clear_error();
    if (first != 0) {
        const char* reason = ERR_reason_error_string(first);
        what += ": ";
        what += reason != nullptr ? reason : "error " + std::to_string(first);
    }
    return {code, std::move(what), where};
}

Result<> check(bool ok, const char* what, std::source_location where) {
    if (!ok) return fail(openssl_error(Code::internal, what, where));
    return {};
}

std::string take_text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

BioPtr view_text(std::string_view text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace crank::pki
