#include "oci/digest.h"

#include <nettle/sha2.h>

#include <algorithm>

#include "base/text.h"

namespace crank::oci {

namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexLength = 64;

bool is_lower_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
    if (text.starts_with(kPrefix)) return from_hex_text(text.substr(kPrefix.size()));
    if (text.starts_with("sha512:"))
        return fail(Code::unsupported,
                    "digest '" + std::string(text) + "' is sha512; crank reads sha256 alone");
    return fail(Code::invalid_argument,
                "digest '" + std::string(text.substr(0, 100)) + "' does not begin with 'sha256:'");
}

Result<Digest> Digest::from_hex_text(std::string_view hex) {
    std::optional<std::vector<std::uint8_t>> bytes;
    if (hex.size() == kHexLength && is_lower_hex(hex)) bytes = from_hex(hex);
    if (!bytes)
        return fail(Code::invalid_argument, "digest '" + std::string(hex.substr(0, 100)) +
                                                "' is not 64 lower-case hexadecimal digits");
    Digest digest;
    std::ranges::copy(*bytes, digest.bytes_.begin());
    return digest;
}

Digest Digest::of(std::string_view content) {
    Hasher hasher;
    hasher.update(content);
    return hasher.finish();
}

std::string Digest::str() const { return std::string(kPrefix) + hex(); }
std::string Digest::hex() const { return to_hex(bytes_); }
std::string Digest::short_hex() const { return hex().substr(0, 12); }

bool Digest::is_zero() const {
    return std::ranges::all_of(bytes_, [](std::uint8_t b) { return b == 0; });
}

struct Hasher::State {
    sha256_ctx context;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::uint8_t> bytes) {
    sha256_update(&state_->context, bytes.size(), bytes.data());
}

void Hasher::update(std::string_view text) {
    update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Digest Hasher::finish() {
    std::array<std::uint8_t, SHA256_DIGEST_SIZE> bytes;
    sha256_digest(&state_->context, bytes.size(), bytes.data());
    return Digest(bytes);
}

}  // namespace crank::oci
