#include "registry/lane.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "oci/json_reader.h"
#include "sys/stream_pair.h"

namespace crank::registry {

namespace {

constexpr std::string_view kCode = "error.code", kMessage = "error.message", kHint = "error.hint";
constexpr std::string_view kKinds = "QDENMR";

}  // namespace

std::string encode(const Fields& fields) {
    return nlohmann::json(fields).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Fields> decode(std::string_view text) {
    auto json = TRY(oci::parse_json(text, Code::corrupt));
    if (!json.is_object()) return fail(Code::corrupt, "a message is no object");
    Fields fields;
    for (const auto& [name, value] : json.items())
        fields[name] = TRY(oci::text_of(value, name, Code::corrupt));
    return fields;
}

Result<std::string> field(const Fields& fields, const std::string& name) {
    auto at = fields.find(name);
    if (at == fields.end()) return fail(Code::internal, "a message has no " + name);
    return at->second;
}

std::string shown(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return out;
}

Fields fields_of(const Error& error) {
    return {{std::string(kCode), std::to_string(static_cast<int>(error.code()))},
            {std::string(kMessage), shown(error.text())},
            {std::string(kHint), shown(error.hint())}};
}

std::optional<Error> error_of(const Fields& fields) {
    auto message = fields.find(std::string(kMessage));
    if (message == fields.end()) return std::nullopt;
    Code code = Code::internal;
    if (auto at = fields.find(std::string(kCode)); at != fields.end())
        if (auto number = parse_int(at->second);
            number && *number >= 0 && *number <= static_cast<int>(Code::internal))
            code = static_cast<Code>(*number);
    // The other side shows what it says; whoever took it over would not.
    Error error(code, shown(message->second));
    auto hint = fields.find(std::string(kHint));
    if (hint == fields.end() || hint->second.empty()) return error;
    return std::move(error).with_hint(shown(hint->second));
}

Result<> Lane::send(FrameKind kind, std::span<const std::uint8_t> bytes) {
    do {
        auto part = bytes.first(std::min(bytes.size(), kMaxFrame));
        auto size = static_cast<std::uint32_t>(part.size());
        std::array<std::uint8_t, 5> head = {
            static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(size),
            static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size >> 16),
            static_cast<std::uint8_t>(size >> 24)};
        TRY(sys::send_parts(socket_.get(), head, part));
        bytes = bytes.subspan(part.size());
        if (kind != FrameKind::data && !bytes.empty())
            return fail(Code::internal, "a message is larger than 1 MiB");
    } while (!bytes.empty());
    return {};
}

Result<> Lane::send(FrameKind kind, std::string_view text) {
    return send(kind, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Result<std::optional<Frame>> Lane::receive() {
    std::array<std::uint8_t, 5> head;
    if (!TRY(sys::read_exact(socket_.get(), head, "the other process")))
        return std::optional<Frame>();
    std::size_t size = head[1] | head[2] << 8 | head[3] << 16 | std::size_t{head[4]} << 24;
    if (size > kMaxFrame || kKinds.find(static_cast<char>(head[0])) == std::string_view::npos)
        return fail(Code::corrupt, "the other process sent no message");
    if (buffer_.size() < size) buffer_.resize(size);
    auto bytes = std::span(buffer_).first(size);
    if (size > 0 && !TRY(sys::read_exact(socket_.get(), bytes, "the other process")))
        return fail(Code::io, "the other process ended in the middle of a message");
    return std::optional(Frame{static_cast<FrameKind>(head[0]), bytes});
}

Result<> serve(Lane& lane, const std::function<Result<Fields>(const Fields&)>& perform) {
    while (true) {
        auto frame = TRY(lane.receive());
        if (!frame || frame->kind != FrameKind::request) return {};
        auto request = decode(frame->text());
        auto answer =
            request ? perform(*request) : Result<Fields>(fail(std::move(request).error()));
        Fields fields = answer ? *std::move(answer) : fields_of(answer.error());
        // Where nobody listens any more there is nobody to tell.
        if (!lane.send(FrameKind::result, encode(fields))) return {};
    }
}

}  // namespace crank::registry
