#include "gateway/http_body.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::gateway {
namespace {

std::string framing_of(const std::string& fields, const char* version = "1.1") {
    // The head has views into it.
    const std::string text = "POST / HTTP/" + std::string(version) + "\r\n" + fields + "\r\n";
    RequestHead head;
    auto parsed = parse_request(text, head);
    if (!parsed) return "unread: " + std::string(parsed.error().why);
    auto framing = request_framing(head);
    if (!framing)
        return std::to_string(framing.error().status) + " " + std::string(framing.error().why);
    switch (framing->kind) {
        case BodyKind::none: return "none";
        case BodyKind::length: return std::to_string(framing->length);
        case BodyKind::chunked: return "chunked";
        case BodyKind::until_close: return "until close";
    }
    return "";
}

TEST(RequestFraming, IsWhatOneFieldSays) {
    EXPECT_EQ(framing_of(""), "none");
    EXPECT_EQ(framing_of("Content-Length: 0\r\n"), "none");
    EXPECT_EQ(framing_of("Content-Length: 0012\r\n"), "12");
    EXPECT_EQ(framing_of("Content-Length: 9223372036854775807\r\n"), "9223372036854775807");
    EXPECT_EQ(framing_of("Content-Length: 5\r\nContent-Length: 5\r\n"), "5");
    EXPECT_EQ(framing_of("Transfer-Encoding: Chunked\r\n"), "chunked");
}

TEST(RequestFraming, WhatIsSmuggledWithIsRefused) {
    const char* kNumber = "400 Content-Length is no number (RFC 9112 section 6.3)";
    for (const char* length : {"", "-1", "+1", "1 1", "1,1", "0x1", "1.0", "1;"})
        EXPECT_EQ(framing_of("Content-Length: " + std::string(length) + "\r\n"), kNumber) << length;
    EXPECT_EQ(framing_of("Content-Length: 9223372036854775808\r\n"),
              "400 Content-Length is too large");
    EXPECT_EQ(framing_of("Content-Length: 1\r\nContent-Length: 2\r\n"),
              "400 two Content-Length that differ (RFC 9112 section 6.3)");
    EXPECT_EQ(framing_of("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
              "400 both Content-Length and Transfer-Encoding (RFC 9112 section 6.1)");
    EXPECT_EQ(framing_of("Transfer-Encoding: chunked\r\n", "1.0"),
              "400 Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)");
    EXPECT_EQ(framing_of("Transfer-Encoding: gzip, chunked\r\n"),
              "501 a transfer coding other than chunked");
    EXPECT_EQ(framing_of("Transfer-Encoding:\r\n"),
              "400 Transfer-Encoding is empty (RFC 9112 section 6.1)");
    EXPECT_EQ(framing_of("Transfer-Encoding: ,\r\n"), "400 Transfer-Encoding names no coding");
    for (const char* last : {"identity", "xchunked", "chunked;a=b", "gzip"})
        EXPECT_EQ(framing_of("Transfer-Encoding: " + std::string(last) + "\r\n"),
                  "400 Transfer-Encoding does not end with chunked (RFC 9112 section 6.3)")
            << last;
    for (const char* fields :
         {"Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: chunked, chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"})
        EXPECT_EQ(framing_of(fields),
                  "400 Transfer-Encoding goes on after chunked (RFC 9112 section 6.1)")
            << fields;
}

TEST(ResponseFraming, ByStatusMethodAndFields) {
    auto kind = [](const std::string& head, bool to_head = false) {
        const std::string text = head + "\r\n";
        ResponseHead response;
        EXPECT_TRUE(parse_response(text, response));
        auto framing = response_framing(response, to_head);
        EXPECT_TRUE(framing) << head;
        return framing ? framing->kind : BodyKind::none;
    };
    EXPECT_EQ(kind("HTTP/1.1 200 OK\r\n"), BodyKind::until_close);
    EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"), BodyKind::length);
    EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), BodyKind::none);
    EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"), BodyKind::chunked);
    EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", true), BodyKind::none);
    for (const char* status : {"100", "103", "204", "304"})
        EXPECT_EQ(kind("HTTP/1.1 " + std::string(status) + " x\r\nContent-Length: 3\r\n"),
                  BodyKind::none);
    ResponseHead both;
    ASSERT_TRUE(parse_response(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", both));
    EXPECT_EQ(response_framing(both, false).error().status, 502);
}

// What a body carries and how much of the stream it is, read in pieces of so many bytes.
struct Taken {
    std::string plain;
    std::size_t bytes = 0;
    bool whole = false, refused = false;
};
Taken take(BodyScanner scanner, const std::string& stream, std::size_t piece) {
    Taken taken;
    for (std::size_t at = 0; at < stream.size() && !scanner.is_whole(); at += piece) {
        auto count = scanner.take(std::string_view(stream).substr(at, piece), &taken.plain);
        if (!count) {
            taken.refused = true;
            return taken;
        }
        taken.bytes += *count;
    }
    taken.whole = scanner.is_whole();
    return taken;
}

TEST(BodyScanner, FindsTheEndInAnyPieces) {
    const std::string chunks = "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nSum: 1\r\nB:\r\n\r\n";
    for (std::size_t piece = 1; piece < 80; ++piece) {
        Taken taken = take(BodyScanner({BodyKind::chunked}), chunks + "GET /", piece);
        EXPECT_TRUE(taken.whole);
        EXPECT_EQ(taken.plain, "abc0123456789");
        EXPECT_EQ(taken.bytes, chunks.size());
        taken = take(BodyScanner({BodyKind::length, 4}), "abcdGET /", piece);
        EXPECT_TRUE(taken.whole);
        EXPECT_EQ(taken.plain, "abcd");
        EXPECT_EQ(taken.bytes, 4U);
    }
    EXPECT_TRUE(BodyScanner(Framing{}).is_whole());
    EXPECT_TRUE(BodyScanner({BodyKind::length, 0}).is_whole());
}

TEST(BodyScanner, RefusesWhatReadersDisagreeOn) {
    for (const char* chunks : {"\r\n",
                               "g\r\n",
                               "-1\r\nx",
                               "+1\r\nx",
                               "0x1\r\nx",
                               " 1\r\nx",
                               "1 \r\nx",
                               "1\t\r\nx",
                               "1\nx\r\n",
                               "1\r\nxx\r\n",
                               "1\r\nx\n",
                               "1\r\nx\rx",
                               "1;a\nb\r\nx\r\n",
                               "1;a\x01\r\nx\r\n",
                               "1\rx",
                               "1000000000000000\r\n",
                               "0\r\nx\r\n\r\n",
                               "0\r\n x: y\r\n\r\n",
                               "0\r\nx : y\r\n\r\n",
                               "0\r\nContent-Length: 1\r\n\r\n",
                               "0\r\nTransfer-Encoding: chunked\r\n\r\n",
                               "0\r\nHost: a\r\n\r\n",
                               "0\r\nx: y\n\r\n"})
        for (std::size_t piece : {1, 100})
            EXPECT_TRUE(take(BodyScanner({BodyKind::chunked}), chunks, piece).refused) << chunks;
}

TEST(BodyScanner, BoundsWhatIsNoBody) {
    BodyScanner extension({BodyKind::chunked}), trailers({BodyKind::chunked}),
        many({BodyKind::chunked});
    EXPECT_FALSE(extension.take("1;" + std::string(70'000, 'a')));
    EXPECT_FALSE(trailers.take("0\r\nA: " + std::string(70'000, 'a')));
    std::string chunks;
    for (int i = 0; i < 10'000; ++i) chunks += "1;12345678\r\nx\r\n";
    EXPECT_FALSE(many.take(chunks));
}

TEST(BodyScanner, AnEndOfTheStreamCompletesOnlyWhatItEnds) {
    BodyScanner until_close({BodyKind::until_close}), length({BodyKind::length, 2}),
        chunked({BodyKind::chunked});
    for (BodyScanner* scanner : {&until_close, &length, &chunked}) EXPECT_TRUE(scanner->take("1"));
    EXPECT_TRUE(until_close.end_of_stream());
    EXPECT_FALSE(length.end_of_stream());
    EXPECT_FALSE(chunked.end_of_stream());
}

}  // namespace
}  // namespace crank::gateway
