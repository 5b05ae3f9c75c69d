// Netlink (RFC 3549, linux/netlink.h): messages with attributes, several in one send, and what the
// kernel answers. Meanings of types and attributes belong to sys/rtnetlink.h and sys/nftables.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span<const T, 1>(&value, 1));
}

// Messages laid out back to back, as one send wants them. Numbers are in host byte order unless
// the name says `be` (nf_tables wants big endian).
class NetlinkBatch {
public:
    // Starts a message; what is put until the next begin belongs to it. `header` is the fixed
    // part behind nlmsghdr; `what` names the step for errors. With Ack::yes the kernel confirms
    // the message, and NetlinkSocket::send waits for it.
    enum class Ack { no, yes };
    void begin(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> header,
               std::string what, Ack ack = Ack::yes);

    void put(std::uint16_t attribute, std::span<const std::byte> value);
    void put_u8(std::uint16_t attribute, std::uint8_t value) { put(attribute, bytes_of(value)); }
    void put_u32(std::uint16_t attribute, std::uint32_t value) { put(attribute, bytes_of(value)); }
    void put_be32(std::uint16_t attribute, std::uint32_t value);
    void put_string(std::uint16_t attribute, std::string_view value);  // adds the final NUL
    void put_raw(std::span<const std::byte> value);                    // no attribute header

    // An attribute that holds attributes: open while the object lives; inner ones close first.
    class Nest {
    public:
        Nest(const Nest&) = delete;
        Nest& operator=(const Nest&) = delete;
        ~Nest();

    private:
        friend class NetlinkBatch;
        Nest(NetlinkBatch& batch, std::size_t at) : batch_(batch), at_(at) {}
        NetlinkBatch& batch_;
        std::size_t at_;
    };
    [[nodiscard]] Nest nest(std::uint16_t attribute);

    bool empty() const { return messages_.empty(); }

private:
    friend class NetlinkSocket;
    struct Message {
        std::size_t at;
        Ack ack;
        std::string what;
    };
    void grow_current();
    std::vector<std::byte> data_;
    std::vector<Message> messages_;
};

// The attributes of a received message (or of a nested attribute), by type; the last wins. Reads
// stay inside the bytes given, whatever the lengths say.
class NetlinkAttributes {
public:
    explicit NetlinkAttributes(std::span<const std::byte> data) : data_(data) {}
    std::optional<std::span<const std::byte>> find(std::uint16_t attribute) const;
    std::optional<std::uint32_t> u32(std::uint16_t attribute) const;
    std::optional<std::uint32_t> be32(std::uint16_t attribute) const;
    std::optional<std::uint8_t> u8(std::uint16_t attribute) const;
    std::string string(std::uint16_t attribute) const;  // empty when missing
    NetlinkAttributes nested(std::uint16_t attribute) const;

private:
    std::span<const std::byte> data_;
};

// A received message: type, the fixed header, the attributes behind it.
struct NetlinkReply {
    std::uint16_t type = 0;
    std::span<const std::byte> payload;

    template <class Header>
    std::optional<Header> header() const {
        if (payload.size() < sizeof(Header)) return std::nullopt;
        Header header;
        std::memcpy(&header, payload.data(), sizeof header);
        return header;
    }
    NetlinkAttributes attributes(std::size_t header_size) const;
};

enum class NetlinkFamily { route, netfilter };

// Bound to the network namespace in which it was opened.
class NetlinkSocket {
public:
    static Result<NetlinkSocket> open(NetlinkFamily family);

    // Sends all messages at once and reads every acknowledgement. The first failure is returned,
    // with the step's name and the kernel's own words; the kernel has still carried out the
    // messages behind it (except in an nf_tables batch, which is all or nothing).
    Result<> send(NetlinkBatch& batch);
    // Sends one request (one object, or a dump with NLM_F_DUMP) and passes on each reply. The
    // reply is valid during the call.
    Result<> query(NetlinkBatch& request, const std::function<void(const NetlinkReply&)>& each);

private:
    explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
    Result<> transmit(NetlinkBatch& batch);
    Result<std::span<const std::byte>> receive();
    UniqueFd fd_;
    std::uint32_t sequence_ = 0;  // of the last message sent
    std::vector<std::byte> buffer_;
};

}  // namespace crank::sys
