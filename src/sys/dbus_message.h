// D-Bus messages as bytes (D-Bus Specification 0.43, "Message Protocol"), little-endian, as far as
// talking to systemd takes: no descriptors, and of what comes in the basic types alone. What the
// other side sends is not trusted: every length is checked, and a message has at most 1 MiB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::sys::dbus {

inline constexpr std::size_t kMostBytes = std::size_t{1} << 20;
inline constexpr std::size_t kFixedHeader = 16;

// Marshals values one after the other; alignment counts from the first byte.
class Writer {
public:
    void byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
    void boolean(bool value) { u32(value ? 1 : 0); }
    void u32(std::uint32_t value) { number(value); }
    void u64(std::uint64_t value) { number(value); }
    void text(std::string_view value);       // s and o
    void signature(std::string_view value);  // g; at most 255 characters
    void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
    // An array's length is known at its end; its first element is aligned before that counts.
    struct Array {
        std::size_t length_at = 0, first = 0;
    };
    Array begin_array(std::size_t element_alignment);
    void end_array(const Array& array);
    const std::string& bytes() const { return bytes_; }

private:
    template <class T>
    void number(T value) {
        align(sizeof value);
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_.push_back(static_cast<char>(value >> (8 * i)));
    }
    std::string bytes_;
};

// Reads basic values. corrupt: there are not so many bytes, or a text does not end where it says.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    Result<std::uint8_t> byte();
    Result<std::uint32_t> u32();
    Result<std::string> text();       // s and o
    Result<std::string> signature();  // g
    Result<> align(std::size_t to);
    // A value of this basic type, which nobody asks for.
    Result<> skip(char type);
    std::size_t at() const { return at_; }

private:
    Result<std::string_view> take(std::size_t count);
    Result<std::string> ended(std::size_t length);
    std::string_view bytes_;
    std::size_t at_ = 0;
};

struct Call {
    std::string destination, path, interface, member;
    std::string signature = {};  // of the body
    std::string body = {};       // Writer::bytes
};
std::string encode(const Call& call, std::uint32_t serial);

enum class Type : std::uint8_t { call = 1, reply = 2, error = 3, signal = 4 };
struct Message {
    Type type = Type::signal;
    std::uint32_t serial = 0, reply_serial = 0;
    std::string path, interface, member, error_name, sender, signature, body;
};
// The size of the message that begins here; nothing: fewer than kFixedHeader bytes of it are there.
Result<std::optional<std::size_t>> size_of(std::string_view bytes);
// `bytes` are one message, whole.
Result<Message> decode(std::string_view bytes);

}  // namespace crank::sys::dbus
