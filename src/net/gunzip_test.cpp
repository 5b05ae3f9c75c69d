#include "net/gunzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace crank::net {
namespace {

std::string zip(const std::string& text, int level = 6) {
    z_stream stream{};
    deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

struct Outcome {
    std::string text, error;
};

Outcome unzip(const std::string& bytes, std::size_t piece) {
    Outcome outcome;
    Gunzip gunzip("blob x", [&](Bytes part) -> Result<> {
        outcome.text.append(reinterpret_cast<const char*>(part.data()), part.size());
        return {};
    });
    Result<> done;
    for (std::size_t at = 0; at < bytes.size() && done; at += piece) {
        std::size_t size = std::min(piece, bytes.size() - at);
        done = gunzip.feed({reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, size});
    }
    if (done) done = gunzip.finish();
    if (!done) outcome.error = done.error().message();
    return outcome;
}

// Of all kinds: what repeats near and far, and what does not.
std::string sample(std::size_t size) {
    std::mt19937 random(7);
    std::string text;
    while (text.size() < size) {
        std::size_t from = text.size() > 40000 ? text.size() - random() % 40000 : 0;
        switch (random() % 3) {
            case 0: text += text.substr(from, random() % 3000); break;
            case 1: text += std::string(random() % 2000, static_cast<char>(random())); break;
            default:
                for (int i = 0; i < 700; ++i) text += static_cast<char>(random());
        }
    }
    text.resize(size);
    return text;
}

TEST(Gunzip, GivesBackWhatWasCompressedInPiecesOfAnySize) {
    const std::string text = sample(1'500'000);
    for (int level : {0, 1, 6, 9}) {
        const std::string zipped = zip(text, level);
        for (std::size_t piece : {std::size_t{1}, std::size_t{4097}, zipped.size()}) {
            Outcome got = unzip(zipped, piece);
            EXPECT_EQ(got.error, "");
            EXPECT_TRUE(got.text == text) << "level " << level << ", pieces of " << piece;
        }
    }
}

TEST(Gunzip, SeveralMembersAreOneStream) {
    std::string zipped = zip("one") + zip("") + zip(sample(600'000)) + zip("last");
    for (std::size_t piece : {std::size_t{1}, std::size_t{1000}, zipped.size()})
        EXPECT_TRUE(unzip(zipped, piece).text == "one" + sample(600'000) + "last");
}

TEST(Gunzip, NamesAndCommentsInTheHeaderAreSkipped) {
    std::string zipped = zip("text");
    // FLG: FEXTRA, FNAME, FCOMMENT
    std::string named = zipped.substr(0, 3) + '\x1c' + zipped.substr(4, 6) +
                        std::string("\x03\0abc", 5) + std::string("name\0", 5) +
                        std::string("comment\0", 8) + zipped.substr(10);
    for (std::size_t piece : {std::size_t{1}, named.size()}) {
        EXPECT_EQ(unzip(named, piece).text, "text");
        EXPECT_EQ(unzip(named, piece).error, "");
    }
}

TEST(Gunzip, WhatIsNotGzipIsHandedOnAsItIs) {
    for (const std::string& text :
         {std::string(), std::string("\x1f"), std::string("PK"), sample(300'000)})
        for (std::size_t piece : {std::size_t{1}, std::size_t{70'000}}) {
            EXPECT_TRUE(unzip(text, piece).text == text);
            EXPECT_EQ(unzip(text, piece).error, "");
        }
}

TEST(Gunzip, EveryTruncationIsNamed) {
    const std::string zipped = zip(sample(2000));
    for (std::size_t size = 2; size < zipped.size(); ++size)
        EXPECT_EQ(unzip(zipped.substr(0, size), zipped.size()).error,
                  "blob x ends inside its gzip stream")
            << size;
}

TEST(Gunzip, DamageIsNamed) {
    const std::string zipped = zip(sample(2000));
    EXPECT_EQ(unzip(zipped + "no other member", 100).error, "blob x is not a valid gzip stream");
    EXPECT_EQ(unzip(zipped + "x", 100).error, "blob x ends inside its gzip stream");
    std::string other_method = zipped;
    other_method[2] = 7;
    EXPECT_EQ(unzip(other_method, 100).error, "blob x is not a valid gzip stream");
    // Behind the header there are few bits that say nothing, as the last byte's that are left over.
    int harmless = 0;
    for (std::size_t at = 10; at < zipped.size(); ++at) {
        std::string damaged = zipped;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        Outcome got = unzip(damaged, 100);
        EXPECT_TRUE(got.error.starts_with("blob x ") || got.text == sample(2000)) << at;
        harmless += got.error.empty() ? 1 : 0;
    }
    EXPECT_LE(harmless, 4);
}

TEST(Gunzip, TheSinksErrorIsHandedOn) {
    const std::string zipped = zip(sample(2'000'000));
    Gunzip gunzip("blob x", [](Bytes) -> Result<> { return fail(Code::not_found, "gone"); });
    auto fed = gunzip.feed({reinterpret_cast<const std::uint8_t*>(zipped.data()), zipped.size()});
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().message(), "gone");
}

}  // namespace
}  // namespace crank::net
