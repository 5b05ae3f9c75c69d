#include "gateway/http_rewrite.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::gateway {
namespace {

std::string rewritten(const std::string& head) {
    RequestHead request;
    auto parsed = parse_request(head, request);
    if (!parsed) return std::string(parsed.error().why);
    auto wish = wish_of(request);
    if (!wish) return std::to_string(wish.error().status) + " " + std::string(wish.error().why);
    std::string out;
    write_request(request, *wish, {"192.0.2.1", "127.0.0.1:8080"}, out);
    return out;
}
std::string answered(const std::string& head, const Answering& answering) {
    ResponseHead response;
    EXPECT_TRUE(parse_response(head, response));
    std::string out;
    write_response(response, answering, out);
    return out;
}
RequestWish wish(const std::string& head) {
    RequestHead request;
    EXPECT_TRUE(parse_request(head, request));
    auto wished = wish_of(request);
    EXPECT_TRUE(wished);
    return wished ? *wished : RequestWish{};
}

const std::string kForwarded =
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n";

TEST(Request, HostStaysAndTheClientIsNamed) {
    EXPECT_EQ(rewritten("GET /x HTTP/1.1\r\nAccept: */*\r\nHost: a\r\n\r\n"),
              "GET /x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n" + kForwarded + "\r\n");
    EXPECT_EQ(rewritten("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nX-Forwarded-For: c\r\n"
                        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: d\r\n\r\n"),
              "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: d\r\n"
              "X-Forwarded-For: b, c, 192.0.2.1\r\n\r\n");
    // HTTP/1.0 may leave Host out; HTTP/1.1 must not.
    EXPECT_TRUE(rewritten("GET / HTTP/1.0\r\n\r\n")
                    .starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
}

TEST(Request, HopByHopFieldsGoAndFramingIsOurOwn) {
    EXPECT_EQ(rewritten("POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\n"
                        "Keep-Alive: 1\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\n"
                        "HTTP2-Settings: x\r\nTransfer-Encoding: Chunked\r\n\r\n"),
              "POST / HTTP/1.1\r\nHost: a\r\n" + kForwarded + "Transfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(rewritten("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n"
                        "Connection: content-length, host\r\n\r\n"),
              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" + kForwarded + "\r\n");
    EXPECT_EQ(
        rewritten("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\n" + kForwarded + "TE: trailers\r\nConnection: TE\r\n\r\n");
}

TEST(Request, DisguisedFieldsGo) {
    EXPECT_EQ(
        rewritten("GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded-For: b\r\nx_forwarded_PROTO: https\r\n"
                  "Content_Length: 5\r\nTransfer_Encoding: chunked\r\nmy_own: c\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nmy_own: c\r\n" + kForwarded + "\r\n");
}

TEST(Request, AnUpgradeIsPassedOnUnlessItIsHttp2) {
    EXPECT_EQ(
        rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\n" + kForwarded +
            "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    for (const char* head :
         {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
          "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"})
        EXPECT_FALSE(wish(head).upgrade) << head;
}

TEST(Request, AWholeUrlBecomesAPathAndAHost) {
    const std::pair<const char*, const char*> cases[] = {
        {"GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x?y HTTP/1.1\r\nHost: b:81\r\n"},
        {"GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: b\r\n"},
        {"GET HTTPS://b?x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?x HTTP/1.1\r\nHost: b\r\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n"},
    };
    for (const auto& [head, begin] : cases) EXPECT_TRUE(rewritten(head).starts_with(begin)) << head;
}

TEST(Request, WhatIsNotTakenIsNamed) {
    const std::pair<const char*, const char*> cases[] = {
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "405 CONNECT is not for this server"},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n",
         "400 the request target is neither a path nor a URL (RFC 9112 section 3.2)"},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
         "400 the request target is neither a path nor a URL (RFC 9112 section 3.2)"},
        {"GET / HTTP/1.1\r\n\r\n", "400 no Host (RFC 9112 section 3.2)"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
         "400 more than one Host (RFC 9112 section 3.2)"},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Host is malformed (RFC 9112 section 3.2)"},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 Host is malformed (RFC 9112 section 3.2)"},
        {"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", "400 the target's host is malformed"},
        {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 the target's host is malformed"},
    };
    for (const auto& [head, refusal] : cases) EXPECT_EQ(rewritten(head), refusal) << head;
}

TEST(Request, WhatItAsksOfTheConnection) {
    EXPECT_TRUE(wish("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
    EXPECT_FALSE(wish("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive);
    EXPECT_FALSE(wish("GET / HTTP/1.0\r\n\r\n").keep_alive);
    EXPECT_TRUE(wish("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
        EXPECT_TRUE(wish(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n").idempotent);
    for (const char* method : {"POST", "PATCH", "get", "WHATEVER"})
        EXPECT_FALSE(wish(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n").idempotent);
}

TEST(Response, ConnectionAndFramingAreOurOwn) {
    const std::string head =
        "HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: keep-alive, X-Mine\r\n"
        "X-Mine: 1\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(answered(head, {.chunked = true}),
              "HTTP/1.1 200 Fine\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(answered(head, {.keep_alive = false}),
              "HTTP/1.1 200 Fine\r\nServer: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answered(head, {.client_minor = 0}),
              "HTTP/1.1 200 Fine\r\nServer: x\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answered("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                       {.upgraded = true}),
              "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
}

TEST(Response, OurOwnAreWhole) {
    EXPECT_EQ(own_response(502, "no", false, false),
              "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 3\r\nConnection: close\r\n\r\nno\n");
    EXPECT_TRUE(own_response(405, "no", true, true).ends_with("Connection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace crank::gateway
