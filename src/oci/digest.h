// Content digests: "sha256:<64 hex digits>" (OCI image-spec v1.1, descriptor.md "Digests").
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::oci {

// A SHA-256 digest. sha512 is refused with `unsupported`; anything else with `invalid_argument`.
class Digest {
public:
    Digest() = default;  // all zero: "no digest"
    explicit Digest(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}

    static Result<Digest> parse(std::string_view text);         // "sha256:..." in lower case
    static Result<Digest> from_hex_text(std::string_view hex);  // the 64 digits alone
    static Digest of(std::string_view content);

    std::string str() const;        // "sha256:..."
    std::string hex() const;        // 64 digits
    std::string short_hex() const;  // the first 12, as `docker images` prints ids
    const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }
    bool is_zero() const;

    auto operator<=>(const Digest&) const = default;

private:
    std::array<std::uint8_t, 32> bytes_{};
};

// Incremental SHA-256 (nettle; uses SHA-NI where the processor has it).
class Hasher {
public:
    Hasher();
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    void update(std::span<const std::uint8_t> bytes);
    void update(std::string_view text);
    Digest finish();  // resets

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace crank::oci
