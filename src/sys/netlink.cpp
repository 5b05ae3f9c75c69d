#include "sys/netlink.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace crank::sys {

namespace {

constexpr std::size_t kAlign = NLMSG_ALIGNTO;
constexpr std::size_t kBufferSize = 32768;  // what the kernel fills at most per dump message

std::size_t align(std::size_t size) { return (size + kAlign - 1) & ~(kAlign - 1); }

void append(std::vector<std::byte>& data, std::span<const std::byte> bytes) {
    data.insert(data.end(), bytes.begin(), bytes.end());
    data.resize(align(data.size()));
}

template <class T>
T read_at(std::span<const std::byte> data) {
    T value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
}

// Calls `each(header, payload)` for every well-formed message in a datagram.
template <class F>
void for_each_message(std::span<const std::byte> data, F each) {
    while (data.size() >= sizeof(nlmsghdr)) {
        auto header = read_at<nlmsghdr>(data);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > data.size()) return;
        each(header, data.subspan(sizeof header, header.nlmsg_len - sizeof header));
        data = data.subspan(std::min(align(header.nlmsg_len), data.size()));
    }
}

// The error of an NLMSG_ERROR message, or nothing for an acknowledgement.
std::optional<Error> read_error(const nlmsghdr& header, std::span<const std::byte> payload,
                                const std::string& what) {
    if (payload.size() < sizeof(nlmsgerr)) return Error(Code::io, what + ": malformed answer");
    auto error = read_at<nlmsgerr>(payload);
    if (error.error == 0) return std::nullopt;
    std::string message = what;
    if ((header.nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
        // Without NLM_F_CAPPED the failed message itself stands between header and attributes.
        std::size_t skip = sizeof error;
        if ((header.nlmsg_flags & NLM_F_CAPPED) == 0)
            skip += align(error.msg.nlmsg_len) - sizeof(nlmsghdr);
        if (skip <= payload.size()) {
            std::string text = NetlinkAttributes(payload.subspan(skip)).string(NLMSGERR_ATTR_MSG);
            if (!text.empty()) message += " (" + text + ")";
        }
    }
    return Error::from_errno(-error.error, std::move(message));
}

}  // namespace

void NetlinkBatch::begin(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> header,
                         std::string what, Ack ack) {
    messages_.push_back({data_.size(), ack, std::move(what)});
    nlmsghdr message{};
    message.nlmsg_type = type;
    message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    if (ack == Ack::yes) message.nlmsg_flags |= NLM_F_ACK;
    append(data_, bytes_of(message));
    append(data_, header);
    grow_current();
}

void NetlinkBatch::grow_current() {
    auto length = static_cast<std::uint32_t>(data_.size() - messages_.back().at);
    std::memcpy(data_.data() + messages_.back().at + offsetof(nlmsghdr, nlmsg_len), &length,
                sizeof length);
}

void NetlinkBatch::put(std::uint16_t attribute, std::span<const std::byte> value) {
    nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), attribute};
    append(data_, bytes_of(header));
    append(data_, value);
    grow_current();
}

void NetlinkBatch::put_be32(std::uint16_t attribute, std::uint32_t value) {
    put_u32(attribute, htonl(value));
}

void NetlinkBatch::put_string(std::uint16_t attribute, std::string_view value) {
    std::string terminated(value);
    put(attribute, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void NetlinkBatch::put_raw(std::span<const std::byte> value) {
    append(data_, value);
    grow_current();
}

NetlinkBatch::Nest NetlinkBatch::nest(std::uint16_t attribute) {
    std::size_t at = data_.size();
    nlattr header{sizeof(nlattr), static_cast<std::uint16_t>(attribute | NLA_F_NESTED)};
    append(data_, bytes_of(header));
    grow_current();
    return {*this, at};
}

NetlinkBatch::Nest::~Nest() {
    auto length = static_cast<std::uint16_t>(batch_.data_.size() - at_);
    std::memcpy(batch_.data_.data() + at_ + offsetof(nlattr, nla_len), &length, sizeof length);
}

std::optional<std::span<const std::byte>> NetlinkAttributes::find(std::uint16_t attribute) const {
    std::optional<std::span<const std::byte>> found;
    auto rest = data_;
    while (rest.size() >= sizeof(nlattr)) {
        auto header = read_at<nlattr>(rest);
        if (header.nla_len < sizeof header || header.nla_len > rest.size()) break;
        if ((header.nla_type & NLA_TYPE_MASK) == attribute)
            found = rest.subspan(sizeof header, header.nla_len - sizeof header);
        rest = rest.subspan(std::min(align(header.nla_len), rest.size()));
    }
    return found;
}

std::optional<std::uint32_t> NetlinkAttributes::u32(std::uint16_t attribute) const {
    auto value = find(attribute);
    if (!value || value->size() < sizeof(std::uint32_t)) return std::nullopt;
    return read_at<std::uint32_t>(*value);
}

std::optional<std::uint32_t> NetlinkAttributes::be32(std::uint16_t attribute) const {
    auto value = u32(attribute);
    if (!value) return std::nullopt;
    return ntohl(*value);
}

std::optional<std::uint8_t> NetlinkAttributes::u8(std::uint16_t attribute) const {
    auto value = find(attribute);
    if (!value || value->empty()) return std::nullopt;
    return read_at<std::uint8_t>(*value);
}

std::string NetlinkAttributes::string(std::uint16_t attribute) const {
    auto value = find(attribute);
    if (!value) return {};
    std::string_view text(reinterpret_cast<const char*>(value->data()), value->size());
    return std::string(text.substr(0, text.find('\0')));
}

NetlinkAttributes NetlinkAttributes::nested(std::uint16_t attribute) const {
    return NetlinkAttributes(find(attribute).value_or(std::span<const std::byte>{}));
}

NetlinkAttributes NetlinkReply::attributes(std::size_t header_size) const {
    return NetlinkAttributes(payload.subspan(std::min(align(header_size), payload.size())));
}

Result<NetlinkSocket> NetlinkSocket::open(NetlinkFamily family) {
    int protocol = family == NetlinkFamily::route ? NETLINK_ROUTE : NETLINK_NETFILTER;
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!fd) {
        if (errno == EPROTONOSUPPORT && family == NetlinkFamily::netfilter)
            return fail(Code::unsupported, "this kernel has no nf_tables (CONFIG_NF_TABLES)");
        return fail_errno("open a netlink socket");
    }
    // Acknowledgements come without a copy of the request, errors with the kernel's words.
    const int on = 1;
    (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return NetlinkSocket(std::move(fd));
}

Result<> NetlinkSocket::transmit(NetlinkBatch& batch) {
    for (const auto& message : batch.messages_) {
        ++sequence_;
        std::memcpy(batch.data_.data() + message.at + offsetof(nlmsghdr, nlmsg_seq), &sequence_,
                    sizeof sequence_);
    }
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent;
    do
        sent = ::sendto(fd_.get(), batch.data_.data(), batch.data_.size(), 0,
                        reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno(batch.messages_.front().what);
    return {};
}

// The kernel answers while it takes the request, so an answer is there or never comes: no wait.
Result<std::span<const std::byte>> NetlinkSocket::receive() {
    if (buffer_.empty()) buffer_.resize(kBufferSize);
    ssize_t size;
    do size = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0) return fail_errno("read the kernel's netlink answer");
    return std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(size));
}

Result<> NetlinkSocket::send(NetlinkBatch& batch) {
    if (batch.empty()) return {};
    const std::uint32_t first = sequence_ + 1;
    TRY(transmit(batch));
    std::size_t expected = 0;
    for (const auto& message : batch.messages_) expected += message.ack == NetlinkBatch::Ack::yes;
    std::optional<Error> failure;
    while (expected > 0) {
        auto data = receive();
        // A refused nf_tables batch answers for its failed messages alone.
        if (!data && failure && data.error().error_number() == EAGAIN) break;
        if (!data) return std::unexpected(std::move(data).error());
        for_each_message(*data, [&](const nlmsghdr& header, std::span<const std::byte> payload) {
            std::uint32_t position = header.nlmsg_seq - first;
            if (header.nlmsg_type != NLMSG_ERROR || position >= batch.messages_.size()) return;
            const auto& message = batch.messages_[position];
            if (message.ack == NetlinkBatch::Ack::yes && expected > 0) --expected;
            auto error = read_error(header, payload, message.what);
            if (error && !failure) failure = std::move(error);
        });
    }
    if (failure) return fail(std::move(*failure));
    return {};
}

Result<> NetlinkSocket::query(NetlinkBatch& request,
                              const std::function<void(const NetlinkReply&)>& each) {
    const std::uint32_t sequence = sequence_ + 1;
    TRY(transmit(request));
    const auto& message = request.messages_.front();
    bool done = false;
    std::optional<Error> failure;
    while (!done) {
        auto data = TRY(receive());
        for_each_message(data, [&](const nlmsghdr& header, std::span<const std::byte> payload) {
            if (header.nlmsg_seq != sequence || done) return;
            if (header.nlmsg_type == NLMSG_DONE) {
                done = true;
                int status = payload.size() >= sizeof(int) ? read_at<int>(payload) : 0;
                if (status < 0) failure = Error::from_errno(-status, message.what);
            } else if (header.nlmsg_type == NLMSG_ERROR) {
                failure = read_error(header, payload, message.what);
                done = true;
            } else {
                each({header.nlmsg_type, payload});
                if ((header.nlmsg_flags & NLM_F_MULTI) == 0 && message.ack == NetlinkBatch::Ack::no)
                    done = true;
            }
        });
    }
    if (failure) return fail(std::move(*failure));
    return {};
}

}  // namespace crank::sys
