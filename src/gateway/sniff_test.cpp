#include "gateway/sniff.h"

#include <gtest/gtest.h>

#include <string>

namespace crank::gateway {
namespace {

TEST(Sniff, ARequestLineIsHttpAndNotBefore) {
    for (const char* line : {"GET / HTTP/1.1\r\n", "M-SEARCH * HTTP/1.0\r\n", "PUT /a?b HTTP/1.1\n",
                             "GET http://a/ HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\r\n"}) {
        const std::string text = line;
        for (std::size_t size = 0; size < text.size(); ++size)
            EXPECT_EQ(sniff(text.substr(0, size)), Sniffed::more) << text.substr(0, size);
        EXPECT_EQ(sniff(text), Sniffed::http) << line;
        EXPECT_EQ(sniff(text + "\x01\x02"), Sniffed::http) << line;
    }
    EXPECT_EQ(sniff("GET /" + std::string(5000, 'a')), Sniffed::http);
}

TEST(Sniff, OtherProtocolsAreNot) {
    for (const std::string& bytes :
         {std::string("\x16\x03\x01\x02\x00", 5), std::string("PRI * HTTP/2.0\r\n"),
          std::string("EHLO mail.example.org\r\n"), std::string("PING\r\n"),
          std::string("USER bob\r\n"), std::string("JDWP-Handshake"), std::string("SSH-2.0-x\r\n"),
          std::string("get / HTTP/1.1\r\n"), std::string("GET /\r\n"), std::string("GET /\0", 6),
          std::string("\r\n"), std::string(" "), std::string("\0\0\0", 3), std::string(40, 'A'),
          std::string("*1\r\n$4\r\nPING\r\n")})
        EXPECT_EQ(sniff(bytes), Sniffed::raw) << bytes;
}

}  // namespace
}  // namespace crank::gateway
