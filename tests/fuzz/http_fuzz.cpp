// What clients and backends send to crank-gateway: heads, bodies, first bytes. What is accepted
// means the same once it is written again, and an end is found in the same place however the bytes
// come. The first byte picks the reader, the second the size of the pieces.
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "gateway/control_request.h"
#include "gateway/http_body.h"
#include "gateway/http_head.h"
#include "gateway/http_rewrite.h"
#include "gateway/sniff.h"

using namespace crank;
using namespace crank::gateway;
using crank::fuzz::require;

namespace {

// Where a head ends, as the session finds it: in pieces, with what was seen before.
HeadEnd end_in_pieces(std::string_view bytes, std::size_t piece) {
    HeadEnd end;
    std::size_t seen = 0;
    for (std::size_t size = piece; end.found == HeadEnd::Found::more && seen < bytes.size();
         size += piece) {
        const std::string_view come = bytes.substr(0, size);
        end = find_head_end(come, seen);
        seen = come.size();
    }
    return end;
}

bool is_one_line(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void check_fields(const std::vector<Field>& fields) {
    require(fields.size() <= kMaxFields);
    for (const Field& field : fields) require(is_token(field.name) && is_one_line(field.value));
}

std::size_t count(const RequestHead& head, FieldKind kind) {
    return static_cast<std::size_t>(
        std::ranges::count(head.fields, kind, [](const Field& field) { return field.kind; }));
}

// What goes to the backend is read as one request with the same framing.
void check_rewritten(const RequestHead& head, const RequestWish& wish) {
    std::string out;
    write_request(head, wish, {"192.0.2.1", "127.0.0.1:80"}, out);
    const HeadEnd end = find_head_end(out, 0);
    require(end.found == HeadEnd::Found::whole && end.size == out.size());
    RequestHead again;
    auto parsed = parse_request(out, again);
    if (!parsed) {
        require(parsed.error().status == 431);  // what the gateway adds
        return;
    }
    require(again.method == head.method && again.minor == 1);
    require(count(again, FieldKind::host) == 1 && count(again, FieldKind::forwarded_for) == 1);
    require(count(again, FieldKind::content_length) + count(again, FieldKind::transfer_encoding) <=
            1);
    require(wish.upgrade || count(again, FieldKind::upgrade) == 0);
    auto second = wish_of(again);
    require(second.has_value() && second->framing.kind == wish.framing.kind &&
            second->framing.length == wish.framing.length && second->upgrade == wish.upgrade);
}

// How much of the stream a body is, and what it carries.
struct Body {
    bool refused = false, whole = false;
    std::size_t size = 0;
    std::string plain;
};
Body read_body(Framing framing, std::string_view stream, std::size_t piece) {
    Body body;
    BodyScanner scanner(framing);
    while (!scanner.is_whole() && body.size < stream.size()) {
        const std::string_view come = stream.substr(body.size, piece);
        auto taken = scanner.take(come, &body.plain);
        if (!taken) {
            body.refused = true;
            return body;
        }
        require(*taken == come.size() || scanner.is_whole());
        body.size += *taken;
    }
    body.whole = scanner.is_whole();
    return body;
}

void check_body(Framing framing, std::string_view stream, std::size_t piece) {
    const Body at_once = read_body(framing, stream, stream.size() + 1);
    const Body pieces = read_body(framing, stream, piece);
    require(at_once.refused == pieces.refused);
    if (at_once.refused) return;
    require(at_once.whole == pieces.whole && at_once.size == pieces.size &&
            at_once.plain == pieces.plain);
    require(at_once.plain.size() <= at_once.size);
    if (framing.kind == BodyKind::length) require(at_once.size <= framing.length);
}

void request(std::string_view bytes, std::size_t piece) {
    const HeadEnd end = find_head_end(bytes, 0);
    const HeadEnd pieces = end_in_pieces(bytes, piece);
    require(end.found == pieces.found && end.size == pieces.size);
    if (end.found != HeadEnd::Found::whole) return;
    RequestHead head;
    if (!parse_request(bytes.substr(0, end.size), head)) return;
    require(is_token(head.method) && is_one_line(head.target));
    check_fields(head.fields);
    auto wish = wish_of(head);
    if (!wish) return;
    check_rewritten(head, *wish);
    check_body(wish->framing, bytes.substr(end.size), piece);
}

void response(std::string_view bytes, std::size_t piece) {
    const HeadEnd end = find_head_end(bytes, 0);
    if (end.found != HeadEnd::Found::whole) return;
    ResponseHead head;
    if (!parse_response(bytes.substr(0, end.size), head)) return;
    check_fields(head.fields);
    auto framing = response_framing(head, false);
    if (!framing) return;
    std::string out;
    write_response(head, {.chunked = framing->kind == BodyKind::chunked}, out);
    require(find_head_end(out, 0).size == out.size());
    ResponseHead again;
    require(parse_response(out, again) && again.status == head.status);
    auto second = response_framing(again, false);
    require(second.has_value() && second->kind == framing->kind &&
            second->length == framing->length);
    check_body(*framing, bytes.substr(end.size), piece);
}

// What is decided stays so, whatever comes after it.
void first_bytes(std::string_view bytes) {
    Sniffed before = Sniffed::more;
    for (std::size_t size = 0; size <= std::min<std::size_t>(bytes.size(), 200); ++size) {
        const Sniffed now = sniff(bytes.substr(0, size));
        require(before == Sniffed::more || now == before);
        before = now;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::uint8_t kind = input.byte();
    const std::size_t piece = 1 + input.byte() % 64;
    switch (kind % 6) {
        case 0: response(input.rest(), piece); break;
        case 1: check_body({BodyKind::chunked}, input.rest(), piece); break;
        case 2: first_bytes(input.rest()); break;
        case 3: (void)parse_control(input.rest()); break;
        default: request(input.rest(), piece);
    }
    return 0;
}
