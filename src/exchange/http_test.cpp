#include "exchange/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::exchange {
namespace {

using testing::HasSubstr;

// Comes in pieces of `piece` bytes.
class Text : public store::ByteSource {
public:
    Text(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min({out.size(), text_.size() - at_, piece_});
        std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
        at_ += n;
        return n;
    }

private:
    std::string text_;
    std::size_t piece_, at_ = 0;
};

Result<std::string> body_of(const std::string& text, std::size_t piece = 3) {
    auto answer = TRY(HttpAnswer::begin(std::make_unique<Text>(text, piece), "it"));
    return store::read_all(*answer, 1 << 20, "the body");
}

TEST(HttpTest, reads_both_kinds_of_body_in_any_pieces) {
    for (std::size_t piece : {1, 2, 5, 1000}) {
        EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", piece),
                  "hello");
        EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nX: y\r\n\r\n"
                          "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: z\r\n\r\nmore",
                          piece),
                  "hello!");
        EXPECT_EQ(body_of("HTTP/1.0 404 Not Found\nContent-Length: 0\n\n", piece), "");
    }
    auto answer = HttpAnswer::begin(
        std::make_unique<Text>("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 9), "it");
    EXPECT_EQ((*answer)->status(), 404);
}

TEST(HttpTest, refuses_what_is_bad_or_breaks_off) {
    const std::string ok = "HTTP/1.1 200 OK\r\n",
                      chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    struct Bad {
        std::string text, names;
    };
    for (const Bad& c : {
             Bad{"", "breaks off"},
             Bad{"SSH-2.0\r\n", "no HTTP"},
             Bad{"HTTP/1.1 abc\r\n\r\n", "no HTTP"},
             Bad{"HTTP/1.1 999 x\r\n\r\n", "no HTTP"},
             Bad{ok, "breaks off"},
             Bad{ok + "\r\n", "no length"},
             Bad{ok + "bad\r\n\r\n", "without ':'"},
             Bad{ok + "Content-Length: x\r\n\r\n", "length x"},
             Bad{ok + "Content-Length: -1\r\n\r\n", "length -1"},
             Bad{ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "length 2"},
             Bad{ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "two lengths"},
             Bad{ok + "Transfer-Encoding: gzip\r\n\r\n", "encoded as gzip"},
             Bad{ok + "Content-Length: 9\r\n\r\nshort", "breaks off"},
             Bad{chunked + "5\r\nhel", "breaks off"},
             Bad{chunked + "5\r\nhello\r\n", "breaks off"},
             Bad{chunked + "5\r\nhello\r\n0\r\n", "breaks off"},
             Bad{chunked + "5\r\nhello!\r\n0\r\n\r\n", "another size"},
             Bad{chunked + "x\r\n", "no size"},
             Bad{chunked + "\r\n", "no size"},
             Bad{chunked + "ffffffffffffffffff\r\n", "no size"},
             Bad{ok + std::string(70'000, 'a'), "more than 64 KiB"},
         }) {
        auto result = body_of(c.text, 1000);
        ASSERT_FALSE(result) << c.text;
        EXPECT_EQ(result.error().code(), Code::corrupt);
        EXPECT_THAT(result.error().text(), HasSubstr(c.names)) << c.text;
    }
}

}  // namespace
}  // namespace crank::exchange
