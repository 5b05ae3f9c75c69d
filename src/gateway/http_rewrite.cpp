#include "gateway/http_rewrite.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace crank::gateway {

namespace {

bool is_idempotent(std::string_view method) {
    for (std::string_view known : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
        if (method == known) return true;
    return false;
}

// "http://name:port/path" in its parts; the path is "/" where there is none.
struct AbsoluteTarget {
    std::string_view authority, path;
};
AbsoluteTarget split_absolute(std::string_view target) {
    const std::size_t begin = target.find("://");
    if (begin == std::string_view::npos) return {{}, target};
    std::string_view rest = target.substr(begin + 3);
    const std::size_t slash = rest.find_first_of("/?");
    return {rest.substr(0, slash), slash == std::string_view::npos ? "/" : rest.substr(slash)};
}

bool has_scheme(std::string_view target) {
    return same_word(target.substr(0, 7), "http://") || same_word(target.substr(0, 8), "https://");
}

// Characters that make one reader of a host see another name than the next.
bool is_host(std::string_view text) {
    return text.find_first_of(" \t/\\?#@,<>\"'`{}|^") == std::string_view::npos &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

Read<std::string_view> authority_of(const RequestHead& head) {
    std::string_view host;
    int hosts = 0;
    for (const Field& field : head.fields) {
        if (field.kind != FieldKind::host) continue;
        ++hosts;
        host = field.value;
    }
    // RFC 9112 section 3.2
    if (hosts > 1) return refuse(400, "more than one Host (RFC 9112 section 3.2)");
    if (hosts == 0 && head.minor == 1) return refuse(400, "no Host (RFC 9112 section 3.2)");
    if (!is_host(host)) return refuse(400, "Host is malformed (RFC 9112 section 3.2)");
    if (has_scheme(head.target)) {
        // Section 3.2.2: the target's authority counts, whatever Host says.
        host = split_absolute(head.target).authority;
        if (host.empty() || !is_host(host)) return refuse(400, "the target's host is malformed");
    }
    return host;
}

Read<> check_target(const RequestHead& head) {
    if (head.method == "CONNECT") return refuse(405, "CONNECT is not for this server");
    if (head.target.front() == '/' || has_scheme(head.target)) return {};
    if (head.target == "*" && head.method == "OPTIONS") return {};
    return refuse(400, "the request target is neither a path nor a URL (RFC 9112 section 3.2)");
}

bool client_stays(const RequestHead& head) {
    if (lists(head.fields, FieldKind::connection, "close")) return false;
    return head.minor == 1 || lists(head.fields, FieldKind::connection, "keep-alive");
}

// Cleartext HTTP/2 would carry requests past everything that is checked here.
bool wants_upgrade(const RequestHead& head) {
    if (head.minor == 0 || !lists(head.fields, FieldKind::connection, "upgrade")) return false;
    bool any = false, http2 = false;
    for (const Field& field : head.fields) {
        any |= field.kind == FieldKind::upgrade && !field.value.empty();
        http2 |= field.kind == FieldKind::http2_settings;
    }
    return any && !http2 && !lists(head.fields, FieldKind::upgrade, "h2c");
}

// The fields that Connection names go with it (RFC 9110 section 7.6.1); those that the gateway
// answers for itself do not.
class NamedByConnection {
public:
    explicit NamedByConnection(const std::vector<Field>& fields) {
        for (const Field& field : fields)
            if (field.kind == FieldKind::connection)
                for_each_member(field.value,
                                [this](std::string_view name) { names_.push_back(name); });
    }
    bool has(const Field& field) const {
        if (names_.empty() || field.kind != FieldKind::other) return false;
        return std::ranges::any_of(
            names_, [&](std::string_view name) { return same_word(name, field.name); });
    }

private:
    std::vector<std::string_view> names_;
};

void add(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

// Also what only looks like a field of the gateway's: nobody is to take it for one.
bool is_hop_by_hop(FieldKind kind) {
    switch (kind) {
        case FieldKind::connection:
        case FieldKind::disguised:
        case FieldKind::keep_alive:
        case FieldKind::proxy_connection:
        case FieldKind::te:
        case FieldKind::transfer_encoding:
        case FieldKind::upgrade:
        case FieldKind::http2_settings: return true;
        default: return false;
    }
}

void write_forwarded(const RequestHead& head, const ClientFacts& client, std::string_view host,
                     std::string& out) {
    bool has_proto = false, has_host = false;
    out.append("X-Forwarded-For: ");
    for (const Field& field : head.fields) {
        has_proto |= field.kind == FieldKind::forwarded_proto;
        has_host |= field.kind == FieldKind::forwarded_host;
        if (field.kind == FieldKind::forwarded_for && !field.value.empty())
            out.append(field.value).append(", ");
    }
    out.append(client.address).append("\r\n");
    if (!has_proto) add(out, "X-Forwarded-Proto", "http");
    if (!has_host) add(out, "X-Forwarded-Host", host);
}

void write_connection(const RequestHead& head, const RequestWish& wish, std::string& out) {
    const bool trailers = lists(head.fields, FieldKind::te, "trailers");
    if (trailers) add(out, "TE", "trailers");
    if (wish.upgrade) {
        for (const Field& field : head.fields)
            if (field.kind == FieldKind::upgrade) add(out, field.name, field.value);
        add(out, "Connection", trailers ? "upgrade, TE" : "upgrade");
    } else if (trailers) {
        add(out, "Connection", "TE");
    }
    if (wish.framing.kind == BodyKind::chunked) add(out, "Transfer-Encoding", "chunked");
}

}  // namespace

Read<RequestWish> wish_of(const RequestHead& head) {
    if (auto target = check_target(head); !target) return std::unexpected(target.error());
    RequestWish wish;
    auto authority = authority_of(head);
    if (!authority) return std::unexpected(authority.error());
    auto framing = request_framing(head);
    if (!framing) return std::unexpected(framing.error());
    wish.authority = *authority;
    wish.framing = *framing;
    wish.keep_alive = client_stays(head);
    wish.to_head = head.method == "HEAD";
    wish.upgrade = wish.framing.kind == BodyKind::none && wants_upgrade(head);
    wish.idempotent = is_idempotent(head.method);
    return wish;
}

void write_request(const RequestHead& head, const RequestWish& wish, const ClientFacts& client,
                   std::string& out) {
    const std::string_view target =
        has_scheme(head.target) ? split_absolute(head.target).path : head.target;
    const std::string_view host = wish.authority.empty() ? client.listener : wish.authority;
    out.append(head.method).append(" ");
    if (target.front() == '?') out.append("/");
    out.append(target).append(" HTTP/1.1\r\n");
    add(out, "Host", host);
    const NamedByConnection named(head.fields);
    bool has_length = false;
    for (const Field& field : head.fields) {
        if (is_hop_by_hop(field.kind) || field.kind == FieldKind::host ||
            field.kind == FieldKind::forwarded_for || named.has(field))
            continue;
        if (field.kind == FieldKind::content_length && std::exchange(has_length, true)) continue;
        add(out, field.name, field.value);
    }
    write_forwarded(head, client, host, out);
    write_connection(head, wish, out);
    out.append("\r\n");
}

bool keeps_connection(const ResponseHead& head) {
    return head.minor == 1 && !lists(head.fields, FieldKind::connection, "close");
}

void write_response(const ResponseHead& head, const Answering& answering, std::string& out) {
    out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
    out.append(head.reason).append("\r\n");
    const NamedByConnection named(head.fields);
    bool has_length = false;
    for (const Field& field : head.fields) {
        const bool kept_upgrade = answering.upgraded && field.kind == FieldKind::upgrade;
        if ((is_hop_by_hop(field.kind) && !kept_upgrade) || named.has(field)) continue;
        if (field.kind == FieldKind::content_length && std::exchange(has_length, true)) continue;
        add(out, field.name, field.value);
    }
    if (answering.chunked) add(out, "Transfer-Encoding", "chunked");
    if (answering.upgraded)
        add(out, "Connection", "upgrade");
    else if (!answering.keep_alive)
        add(out, "Connection", "close");
    else if (answering.client_minor == 0)
        add(out, "Connection", "keep-alive");
    out.append("\r\n");
}

std::string_view reason_of(int status) {
    switch (status) {
        case 400: return "Bad Request";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 431: return "Request Header Fields Too Large";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Error";
    }
}

std::string own_response(int status, std::string_view text, bool keep_alive, bool to_head) {
    std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
    out.append(reason_of(status)).append("\r\n");
    add(out, "Content-Type", "text/plain; charset=utf-8");
    add(out, "Content-Length", std::to_string(text.size() + 1));
    // RFC 9110 section 15.5.6 wants it; there is nothing that would be allowed instead.
    if (status == 405) add(out, "Allow", "");
    add(out, "Connection", keep_alive ? "keep-alive" : "close");
    out.append("\r\n");
    if (!to_head) out.append(text).append("\n");
    return out;
}

}  // namespace crank::gateway
