// What the gateway makes of a message's head before it hands it on. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/http_body.h"
#include "gateway/http_head.h"

namespace crank::gateway {

// What a request asks of the gateway itself.
struct RequestWish {
    Framing framing;
    bool keep_alive = true;      // of the client's connection
    bool to_head = false;        // HEAD
    bool upgrade = false;        // to another protocol, WebSocket for example
    bool idempotent = false;     // RFC 9110 section 9.2.2
    std::string_view authority;  // of the Host field or the target
};
// 400, 405, 501, 505: what is not taken (RFC 9112 section 3).
Read<RequestWish> wish_of(const RequestHead& head);

struct ClientFacts {
    std::string_view address;   // of the client
    std::string_view listener;  // "127.0.0.1:8080", the Host of a request without one
};
// Appended to `out`: HTTP/1.1, Host kept, X-Forwarded-*, no hop-by-hop fields.
void write_request(const RequestHead& head, const RequestWish& wish, const ClientFacts& client,
                   std::string& out);

struct Answering {
    int client_minor = 1;
    bool keep_alive = true;  // of the client's connection
    bool chunked = false;    // the body is handed on in chunks
    bool upgraded = false;   // 101 to a request for it
};
void write_response(const ResponseHead& head, const Answering& answering, std::string& out);

// The backend keeps the connection for another request.
bool keeps_connection(const ResponseHead& head);

// A whole response of the gateway's own, in plain text.
std::string own_response(int status, std::string_view text, bool keep_alive, bool to_head);
std::string_view reason_of(int status);

}  // namespace crank::gateway
