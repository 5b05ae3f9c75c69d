#include "sys/dbus_message.h"

#include <algorithm>

namespace crank::sys::dbus {
namespace {

enum class Field : std::uint8_t {
    path = 1,
    interface,
    member,
    error_name,
    reply_serial,
    destination,
    sender,
    signature,
};

std::unexpected<Error> corrupt(const std::string& what) {
    return fail(Code::corrupt, "malformed D-Bus message: " + what);
}

// "Header fields": an array of (byte, variant), each aligned to 8 bytes.
void put_field(Writer& out, Field field, char type, std::string_view value) {
    if (value.empty()) return;
    out.align(8);
    out.byte(static_cast<std::uint8_t>(field));
    out.signature({&type, 1});
    type == 'g' ? out.signature(value) : out.text(value);
}

struct Sizes {
    std::size_t fields = 0, body = 0, body_at = 0;
    std::size_t all() const { return body_at + body; }
};

// Of a message whose fixed header is there.
Result<Sizes> sizes_of(std::string_view bytes) {
    constexpr std::size_t kBodyLength = 4, kFieldsLength = 12;
    if (bytes[0] != 'l') return corrupt("it is not little-endian");
    if (bytes[3] != 1) return corrupt("its protocol has a version other than 1");
    Reader body(bytes.substr(kBodyLength)), fields(bytes.substr(kFieldsLength));
    Sizes sizes;
    sizes.body = TRY(body.u32());
    sizes.fields = TRY(fields.u32());
    // Before anything is added up.
    if (sizes.body > kMostBytes || sizes.fields > kMostBytes)
        return corrupt("it has more than 1 MiB");
    sizes.body_at = (kFixedHeader + sizes.fields + 7) / 8 * 8;
    if (sizes.all() > kMostBytes) return corrupt("it has more than 1 MiB");
    return sizes;
}

Result<> read_field(Reader& in, Message& message) {
    auto field = static_cast<Field>(TRY(in.byte()));
    std::string type = TRY(in.signature());
    if (type.size() != 1) return corrupt("a header field of type '" + type + "'");
    auto text = [&](std::string& into, char wanted) -> Result<> {
        if (type[0] != wanted) return corrupt("a header field has the wrong type");
        into = wanted == 'g' ? TRY(in.signature()) : TRY(in.text());
        return {};
    };
    switch (field) {
        case Field::path: return text(message.path, 'o');
        case Field::interface: return text(message.interface, 's');
        case Field::member: return text(message.member, 's');
        case Field::error_name: return text(message.error_name, 's');
        case Field::sender: return text(message.sender, 's');
        case Field::signature: return text(message.signature, 'g');
        case Field::reply_serial:
            if (type[0] != 'u') return corrupt("a header field has the wrong type");
            message.reply_serial = TRY(in.u32());
            return {};
        case Field::destination: break;
    }
    // "An implementation must not invent header fields", and must ignore what it does not know.
    return in.skip(type[0]);
}

// What each type must have ("Message Types").
Result<> check_required(const Message& message) {
    bool good = message.serial != 0;
    switch (message.type) {
        case Type::call: good = good && !message.path.empty() && !message.member.empty(); break;
        case Type::signal:
            good = good && !message.path.empty() && !message.member.empty() &&
                   !message.interface.empty();
            break;
        case Type::reply: good = good && message.reply_serial != 0; break;
        case Type::error:
            good = good && message.reply_serial != 0 && !message.error_name.empty();
            break;
    }
    return good ? Result<>() : corrupt("a header field that its type needs is missing");
}

}  // namespace

void Writer::text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    bytes_.push_back('\0');
}

void Writer::signature(std::string_view value) {
    byte(static_cast<std::uint8_t>(value.size()));
    bytes_.append(value);
    bytes_.push_back('\0');
}

Writer::Array Writer::begin_array(std::size_t element_alignment) {
    Array array;
    align(sizeof(std::uint32_t));
    array.length_at = bytes_.size();
    u32(0);
    align(element_alignment);
    array.first = bytes_.size();
    return array;
}

void Writer::end_array(const Array& array) {
    auto length = static_cast<std::uint32_t>(bytes_.size() - array.first);
    for (std::size_t i = 0; i < sizeof length; ++i)
        bytes_[array.length_at + i] = static_cast<char>(length >> (8 * i));
}

Result<std::string_view> Reader::take(std::size_t count) {
    if (count > bytes_.size() - at_) return corrupt("it ends early");
    std::string_view piece = bytes_.substr(at_, count);
    at_ += count;
    return piece;
}

Result<> Reader::align(std::size_t to) {
    TRY(take((to - at_ % to) % to));
    return {};
}

Result<std::uint8_t> Reader::byte() { return static_cast<std::uint8_t>(TRY(take(1))[0]); }

Result<std::uint32_t> Reader::u32() {
    TRY(align(4));
    std::uint32_t value = 0;
    for (char c : std::string(TRY(take(4))))
        value = value >> 8 | std::uint32_t{static_cast<std::uint8_t>(c)} << 24;
    return value;
}

Result<std::string> Reader::ended(std::size_t length) {
    std::string value(TRY(take(length)));
    if (TRY(byte()) != 0 || value.find('\0') != std::string::npos)
        return corrupt("a text does not end where it says");
    return value;
}

Result<std::string> Reader::text() { return ended(TRY(u32())); }
Result<std::string> Reader::signature() { return ended(TRY(byte())); }

Result<> Reader::skip(char type) {
    std::size_t size = 0;
    switch (type) {
        case 's':
        case 'o': TRY(text()); return {};
        case 'g': TRY(signature()); return {};
        case 'y': size = 1; break;
        case 'n':
        case 'q': size = 2; break;
        case 'b':
        case 'i':
        case 'u':
        case 'h': size = 4; break;
        case 'x':
        case 't':
        case 'd': size = 8; break;
        default: return corrupt(std::string("a value of type '") + type + "'");
    }
    TRY(align(size));
    TRY(take(size));
    return {};
}

std::string encode(const Call& call, std::uint32_t serial) {
    Writer out;
    out.byte('l');
    out.byte(static_cast<std::uint8_t>(Type::call));
    out.byte(0);  // flags: a reply is expected
    out.byte(1);  // the protocol's version
    out.u32(static_cast<std::uint32_t>(call.body.size()));
    out.u32(serial);
    Writer::Array fields = out.begin_array(8);
    put_field(out, Field::path, 'o', call.path);
    put_field(out, Field::interface, 's', call.interface);
    put_field(out, Field::member, 's', call.member);
    put_field(out, Field::destination, 's', call.destination);
    put_field(out, Field::signature, 'g', call.signature);
    out.end_array(fields);
    out.align(8);
    return out.bytes() + call.body;
}

Result<std::optional<std::size_t>> size_of(std::string_view bytes) {
    if (bytes.size() < kFixedHeader) return std::optional<std::size_t>();
    return std::optional(TRY(sizes_of(bytes)).all());
}

Result<Message> decode(std::string_view bytes) {
    if (bytes.size() < kFixedHeader) return corrupt("it ends early");
    Sizes sizes = TRY(sizes_of(bytes));
    if (sizes.all() != bytes.size()) return corrupt("it has another length than it says");
    Message message;
    auto type = static_cast<std::uint8_t>(bytes[1]);
    if (type < 1 || type > 4) return corrupt("its type is unknown");
    message.type = static_cast<Type>(type);
    Reader fixed(bytes.substr(8));
    message.serial = TRY(fixed.u32());
    // Offsets count from the beginning of the message, which is a multiple of 8 before here.
    Reader in(bytes.substr(kFixedHeader, sizes.fields));
    while (in.at() < sizes.fields) {
        TRY(in.align(8));
        TRY(read_field(in, message));
    }
    TRY(check_required(message));
    message.body = bytes.substr(sizes.body_at);
    return message;
}

}  // namespace crank::sys::dbus
