#include "gateway/http_head.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::gateway {
namespace {

std::string refusal_of(std::string_view head) {
    RequestHead request;
    auto parsed = parse_request(head, request);
    return parsed ? ""
                  : std::to_string(parsed.error().status) + " " + std::string(parsed.error().why);
}
std::string response_refusal_of(std::string_view head) {
    ResponseHead response;
    auto parsed = parse_response(head, response);
    return parsed ? "" : std::string(parsed.error().why);
}

TEST(HeadEnd, IsTheEmptyLineHoweverTheBytesCome) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (std::size_t size = 0; size < head.size(); ++size)
        for (std::size_t seen = 0; seen <= size; ++seen)
            EXPECT_EQ(find_head_end(head.substr(0, size), seen).found, HeadEnd::Found::more);
    for (std::size_t seen = 0; seen < head.size(); ++seen) {
        const HeadEnd end = find_head_end(head + "body", seen);
        EXPECT_EQ(end.found, HeadEnd::Found::whole);
        EXPECT_EQ(end.size, head.size());
    }
}

TEST(HeadEnd, ALineFeedAloneIsRefusedAtOnce) {
    for (const char* bytes : {"\n", "G\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n\n"})
        EXPECT_EQ(find_head_end(bytes, 0).found, HeadEnd::Found::bad) << bytes;
}

TEST(RequestHead, IsTakenApart) {
    RequestHead head;
    ASSERT_TRUE(
        parse_request("PATCH /a?b=c HTTP/1.0\r\nHost:a \r\nX-Y:\t z \t\r\nEmpty:\r\n"
                      "transfer-ENCODING: chunked\r\nName: \xc3\xa4\r\n\r\n",
                      head));
    EXPECT_EQ(head.method, "PATCH");
    EXPECT_EQ(head.target, "/a?b=c");
    EXPECT_EQ(head.minor, 0);
    ASSERT_EQ(head.fields.size(), 5U);
    EXPECT_EQ(head.fields[0].kind, FieldKind::host);
    EXPECT_EQ(head.fields[0].value, "a");
    EXPECT_EQ(head.fields[1].name, "X-Y");
    EXPECT_EQ(head.fields[1].value, "z");
    EXPECT_EQ(head.fields[2].value, "");
    EXPECT_EQ(head.fields[3].kind, FieldKind::transfer_encoding);
    EXPECT_EQ(head.fields[4].kind, FieldKind::other);
}

TEST(RequestHead, WhatIsMalformedIsNamed) {
    const std::string line = "GET / HTTP/1.1\r\n";
    const std::pair<std::string, const char*> cases[] = {
        {"\r\n", "400 the request line is not: method target version"},
        {"GET /\r\n\r\n", "400 the request line is not: method target version"},
        {"GE(T / HTTP/1.1\r\n\r\n", "400 the method is no token"},
        {" / HTTP/1.1\r\n\r\n", "400 the method is no token"},
        {"GET  / HTTP/1.1\r\n\r\n", "400 the request target is malformed"},
        {"GET /a b HTTP/1.1\r\n\r\n", "400 the request target is malformed"},
        {"GET /\x01 HTTP/1.1\r\n\r\n", "400 the request target is malformed"},
        {"GET /a#/../b HTTP/1.1\r\n\r\n", "400 the request target is malformed"},
        {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", "400 the request target is malformed"},
        {"GET / HTTP/1.1 \r\n\r\n", "400 the request target is malformed"},
        {"GET / http/1.1\r\n\r\n", "400 the request line does not end with an HTTP version"},
        {"GET / HTTP/1.10\r\n\r\n", "400 the request line does not end with an HTTP version"},
        {"GET / HTTP/1.2\r\n\r\n", "505 only HTTP/1.0 and HTTP/1.1 are spoken here"},
        {"PRI * HTTP/2.0\r\n\r\n", "505 only HTTP/1.0 and HTTP/1.1 are spoken here"},
        {line + "A: b\r\n c\r\n\r\n",
         "400 a header field goes on in a second line (RFC 9112 section 5.2)"},
        {line + "A\r\n\r\n", "400 a header line has no colon"},
        {line + ": b\r\n\r\n", "400 a header field's name is no token (RFC 9112 section 5.1)"},
        {line + "A : b\r\n\r\n", "400 a header field's name is no token (RFC 9112 section 5.1)"},
        {line + std::string("A\0: b\r\n\r\n", 9),
         "400 a header field's name is no token (RFC 9112 section 5.1)"},
        {line + "A: b\rc\r\n\r\n",
         "400 a header field's value has control characters (RFC 9110 section 5.5)"},
        {line + std::string("A: b\0c\r\n\r\n", 10),
         "400 a header field's value has control characters (RFC 9110 section 5.5)"},
        {line + "A: \x7f\r\n\r\n",
         "400 a header field's value has control characters (RFC 9110 section 5.5)"},
        {line + "\r\nmore", "400 bytes behind the head"},
    };
    for (const auto& [head, refusal] : cases) EXPECT_EQ(refusal_of(head), refusal) << head;
}

TEST(RequestHead, HasAtMost256Fields) {
    std::string head = "GET / HTTP/1.1\r\n";
    for (std::size_t i = 0; i < kMaxFields; ++i) head += "A: b\r\n";
    EXPECT_EQ(refusal_of(head + "\r\n"), "");
    EXPECT_EQ(refusal_of(head + "A: b\r\n\r\n"), "431 more than 256 header fields");
}

TEST(ResponseHead, IsTakenApart) {
    ResponseHead head;
    ASSERT_TRUE(parse_response("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n", head));
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.reason, "Not Found");
    EXPECT_EQ(head.minor, 0);
    ASSERT_EQ(head.fields.size(), 1U);
    // Without a reason, with and without the blank before it.
    for (const char* line : {"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"}) {
        ASSERT_TRUE(parse_response(line, head)) << line;
        EXPECT_EQ(head.reason, "");
    }
}

TEST(ResponseHead, WhatIsMalformedIsNamed) {
    const std::pair<const char*, const char*> cases[] = {
        {"\r\n", "the status line is malformed"},
        {"HTTP/1.1200 OK\r\n\r\n", "the status line is malformed"},
        {"HTTP/1.1 2000 OK\r\n\r\n", "the status line is malformed"},
        {"HTTP/2.0 200 OK\r\n\r\n", "the status line does not begin with HTTP/1"},
        {"HTTP/1.1 2x0 OK\r\n\r\n", "the status is no number"},
        {"HTTP/1.1 020 OK\r\n\r\n", "the status is no number from 100 to 999"},
        {"HTTP/1.1 200 O\x01K\r\n\r\n", "the status line has control characters"},
        {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
         "a header field's name is no token (RFC 9112 section 5.1)"},
    };
    for (const auto& [head, refusal] : cases) EXPECT_EQ(response_refusal_of(head), refusal) << head;
}

TEST(Lists, MembersAreFoundInAnyCaseAndLine) {
    RequestHead head;
    ASSERT_TRUE(parse_request(
        "GET / HTTP/1.1\r\nConnection: a ,, Upgrade\r\nConnection: closed\r\n\r\n", head));
    EXPECT_TRUE(lists(head.fields, FieldKind::connection, "upgrade"));
    EXPECT_FALSE(lists(head.fields, FieldKind::connection, "close"));
    EXPECT_FALSE(lists(head.fields, FieldKind::upgrade, "upgrade"));
}

}  // namespace
}  // namespace crank::gateway
