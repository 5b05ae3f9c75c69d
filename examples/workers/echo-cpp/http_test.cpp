#include "http.h"

#include <gtest/gtest.h>

#include <string>

#include "buffer.h"

namespace echo {
namespace {

std::string request(const std::string& headers, const std::string& line = "POST /a HTTP/1.1") {
    return line + "\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(Http, ReadsARequest) {
    const std::string text = request("Content-Type: text/plain\r\nCONTENT-LENGTH: 5\r\n");
    const std::string buffer = text + "helloGET / HTTP/1.1\r\n";
    const auto parsed = parse_request(buffer);
    ASSERT_EQ(parsed.state, ParseState::complete);
    EXPECT_EQ(parsed.request.method, "POST");
    EXPECT_EQ(parsed.request.target, "/a");
    EXPECT_EQ(parsed.request.body_size, 5U);
    EXPECT_EQ(parsed.request.head_size, text.size());
    EXPECT_TRUE(parsed.request.keep_alive);
}

TEST(Http, EveryPrefixIsIncomplete) {
    const std::string text = request("Content-Length: 0\r\nExpect: 100-continue\r\n");
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_EQ(parse_request(text.substr(0, size)).state, ParseState::incomplete) << size;
    EXPECT_TRUE(parse_request(text).request.expects_continue);
}

TEST(Http, KeepsAliveAsTheVersionSays) {
    EXPECT_FALSE(parse_request(request("Connection: foo, Close\r\n")).request.keep_alive);
    EXPECT_FALSE(parse_request("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
    EXPECT_TRUE(
        parse_request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
}

struct Refusal {
    const char* what;
    std::string text;
    int status;
};

TEST(Http, RefusesWhatCanBeReadInTwoWays) {
    const Refusal refusals[] = {
        {"no request line", "\r\n\r\n", 400},
        {"no target", request("", "GET HTTP/1.1"), 400},
        {"blank in target", request("", "GET /a b HTTP/1.1"), 400},
        {"no version", request("", "GET / FTP/1.1"), 400},
        {"other version", request("", "GET / HTTP/2.0"), 505},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two hosts", request("Host: y\r\n"), 400},
        {"line without colon", request("hello\r\n"), 400},
        {"blank before colon", request("Content-Length : 3\r\n"), 400},
        {"folded line", request("A: b\r\n c\r\n"), 400},
        {"control in value", request(std::string("A: b\x01\r\n")), 400},
        {"line feed in value", request("A: b\nContent-Length: 3\r\n"), 400},
        {"two lengths", request("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
        {"negative length", request("Content-Length: -1\r\n"), 400},
        {"plus length", request("Content-Length: +1\r\n"), 400},
        {"list of lengths", request("Content-Length: 3, 3\r\n"), 400},
        {"empty length", request("Content-Length: \r\n"), 400},
        {"huge length", request("Content-Length: 99999999999999999999999999\r\n"), 413},
        {"chunked", request("Transfer-Encoding: chunked\r\n"), 501},
        {"other expectation", request("Expect: more\r\n"), 417},
        {"endless head", "GET / HTTP/1.1\r\nA: " + std::string(kMaxHead, 'x'), 431},
    };
    for (const auto& [what, text, status] : refusals) {
        const auto parsed = parse_request(text);
        EXPECT_EQ(parsed.state, ParseState::refused) << what;
        EXPECT_EQ(parsed.status, status) << what;
    }
}

TEST(Buffer, MovesAndGrows) {
    Buffer buffer;
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        const std::string part(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
        ASSERT_TRUE(buffer.append(part));
        expected += part;
        const std::size_t taken = expected.size() / 3;
        buffer.consume(taken);
        expected.erase(0, taken);
        ASSERT_EQ(buffer.view(), expected);
    }
    buffer.consume(buffer.size());
    buffer.shrink();
    EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace echo
