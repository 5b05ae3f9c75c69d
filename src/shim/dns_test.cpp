#include "shim/dns.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace crank::shim {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A query for a name of these labels.
Bytes query(const std::vector<std::string>& labels, std::uint16_t type = kTypeA,
            std::uint16_t of_class = kClassIn) {
    Bytes packet = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    for (const std::string& label : labels) {
        packet.push_back(static_cast<std::uint8_t>(label.size()));
        packet.insert(packet.end(), label.begin(), label.end());
    }
    packet.push_back(0);
    for (std::uint16_t number : {type, of_class}) {
        packet.push_back(static_cast<std::uint8_t>(number >> 8));
        packet.push_back(static_cast<std::uint8_t>(number));
    }
    return packet;
}

Query read(const Bytes& packet, Question& question) {
    // Of its own size on the heap: a sanitizer sees each byte too many.
    std::vector<std::uint8_t> exact(packet);
    exact.shrink_to_fit();
    return read_query(exact.data(), exact.size(), question);
}

Query read(const Bytes& packet) {
    Question question;
    return read(packet, question);
}

TEST(Dns, AQuestionIsReadInLowerCase) {
    Question question;
    ASSERT_EQ(read(query({"Mail", "Front"}, kTypeAaaa), question), Query::question);
    EXPECT_STREQ(question.name, "mail.front");
    EXPECT_EQ(question.type, kTypeAaaa);
    EXPECT_EQ(question.of_class, kClassIn);
    EXPECT_EQ(question.end, 12U + 12 + 4);
    EXPECT_TRUE(question.plain);
    ASSERT_EQ(read(query({}), question), Query::question);
    EXPECT_STREQ(question.name, "");
}

TEST(Dns, WhatCouldMeanAPathIsNoPlainName) {
    Question question;
    for (const char* label : {"..", "a/b", "a.b", "a b", "\xff"}) {
        ASSERT_EQ(read(query({label}), question), Query::question);
        EXPECT_FALSE(question.plain) << label;
        EXPECT_EQ(std::string(question.name).find('/'), std::string::npos);
    }
    ASSERT_EQ(read(query({std::string("a\0b", 3)}), question), Query::question);
    EXPECT_FALSE(question.plain);
}

TEST(Dns, AnAnswerIsNoQuestion) {
    Bytes packet = query({"mail"});
    packet[2] |= 0x80;
    EXPECT_EQ(read(packet), Query::none);
    EXPECT_EQ(read({}), Query::none);
    EXPECT_EQ(read(Bytes(11)), Query::none);
}

TEST(Dns, OtherOperationsAreNotKnown) {
    Bytes packet = query({"mail"});
    packet[2] = 4 << 3;  // NOTIFY
    EXPECT_EQ(read(packet), Query::strange);
}

TEST(Dns, EveryPacketThatIsCutShortIsBad) {
    Bytes whole = query({"mail", "front"});
    for (std::size_t size = kDnsHeader; size < whole.size(); ++size)
        EXPECT_EQ(read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                  Query::bad)
            << size;
}

TEST(Dns, WhatPointsElsewhereOrCountsWrongIsBad) {
    Bytes pointer = query({"mail"});
    pointer[kDnsHeader] = 0xc0;  // to itself
    pointer[kDnsHeader + 1] = kDnsHeader;
    EXPECT_EQ(read(pointer), Query::bad);
    for (std::uint8_t reserved : {0x40, 0x80}) {
        Bytes label = query({"mail"});
        label[kDnsHeader] = reserved;
        EXPECT_EQ(read(label), Query::bad);
    }
    for (std::size_t count : {5, 7}) {  // two questions; an answer in a question
        Bytes packet = query({"mail"});
        ++packet[count];
        EXPECT_EQ(read(packet), Query::bad) << count;
    }
    Bytes none = query({"mail"});
    none[5] = 0;
    EXPECT_EQ(read(none), Query::bad);
}

TEST(Dns, NamesHaveABound) {
    std::vector<std::string> labels(4, std::string(63, 'a'));  // 255 as a text
    EXPECT_EQ(read(query(labels)), Query::bad);
    labels.back() = std::string(61, 'a');  // 253
    Question question;
    ASSERT_EQ(read(query(labels), question), Query::question);
    EXPECT_EQ(std::strlen(question.name), 253U);
    EXPECT_EQ(read(Bytes(query(labels).size() + kMostQuery)), Query::bad);
}

TEST(Dns, AnythingAtAllIsReadWithoutHarm) {
    std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    for (int round = 0; round < 20000; ++round) {
        Bytes packet = query({"mail", "front"});
        std::size_t changes = random() % 6;
        for (std::size_t i = 0; i < changes; ++i)
            packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
        packet.resize(random() % (packet.size() + 40));
        Question question;
        if (read(packet, question) != Query::question) continue;
        EXPECT_LE(question.end, packet.size());
        EXPECT_LE(std::strlen(question.name), 253U);
        std::uint8_t bytes[kMostAnswer];
        Answer answer{bytes, sizeof bytes, 0};
        ASSERT_TRUE(begin_answer(answer, packet.data(), question.end, Rcode::ok));
    }
}

TEST(Dns, AnAnswerHasTheQuestionAndItsRecords) {
    Bytes packet = query({"mail"});
    packet.insert(packet.end(), 11, 0);  // EDNS
    packet[11] = 1;
    Question question;
    ASSERT_EQ(read(packet, question), Query::question);
    std::uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    ASSERT_TRUE(begin_answer(answer, packet.data(), question.end, Rcode::ok));
    const std::uint8_t address[] = {10, 205, 0, 2};
    ASSERT_TRUE(add_record(answer, kTypeA, 5, address, sizeof address));
    Bytes expected = {0x12, 0x34, 0x85, 0x80, 0,  1, 0, 1, 0, 0, 0, 0, 4, 'm', 'a', 'i', 'l', 0, 0,
                      1,    0,    1,    0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0,   4,   10,  205, 0, 2};
    EXPECT_EQ(Bytes(bytes, bytes + answer.size), expected);
}

TEST(Dns, RecordsThatDoNotFitAreLeftOut) {
    Bytes packet = query({std::string(63, 'a'), std::string(63, 'b'), std::string(63, 'c')});
    Question question;
    ASSERT_EQ(read(packet, question), Query::question);
    std::uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    ASSERT_TRUE(begin_answer(answer, packet.data(), question.end, Rcode::ok));
    const std::uint8_t address[16] = {};
    int added = 0;
    while (add_record(answer, kTypeAaaa, 5, address, sizeof address)) ++added;
    EXPECT_GT(added, 5);
    EXPECT_LE(answer.size, sizeof bytes);
    EXPECT_EQ(bytes[7], added);
}

TEST(Dns, ACodeAloneAnswersWhatCouldNotBeRead) {
    Bytes packet(20, 0xff);
    packet[2] = 0x01;
    std::uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    ASSERT_TRUE(begin_answer(answer, packet.data(), kDnsHeader, Rcode::malformed));
    EXPECT_EQ(answer.size, kDnsHeader);
    EXPECT_EQ(bytes[3] & 0x0f, 1);
    EXPECT_EQ(Bytes(bytes + 4, bytes + 12), Bytes(8, 0));
}

TEST(Dns, AddressesLeadBackToNames) {
    char text[64];
    ASSERT_TRUE(read_reverse_name("2.0.205.10.in-addr.arpa", text, sizeof text));
    EXPECT_STREQ(text, "10.205.0.2");
    ASSERT_TRUE(read_reverse_name(
        "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", text,
        sizeof text));
    EXPECT_STREQ(text, "fd00:0:0:1::2");
    for (const char* bad :
         {"mail", "in-addr.arpa", ".in-addr.arpa", "0.205.10.in-addr.arpa",
          "1.2.3.4.5.in-addr.arpa", "256.0.0.1.in-addr.arpa", "0000.0.0.1.in-addr.arpa",
          "a.b.c.d.in-addr.arpa", "1..2.3.in-addr.arpa", "2.0.ip6.arpa",
          "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"})
        EXPECT_FALSE(read_reverse_name(bad, text, sizeof text)) << bad;
}

TEST(Dns, ANameAsAnAnswer) {
    Bytes packet = query({"2", "0", "205", "10", "in-addr", "arpa"}, kTypePtr);
    Question question;
    ASSERT_EQ(read(packet, question), Query::question);
    std::uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    ASSERT_TRUE(begin_answer(answer, packet.data(), question.end, Rcode::ok));
    ASSERT_TRUE(add_name_record(answer, 5, "mail.front"));
    Bytes tail(bytes + answer.size - 12, bytes + answer.size);
    EXPECT_EQ(tail, (Bytes{4, 'm', 'a', 'i', 'l', 5, 'f', 'r', 'o', 'n', 't', 0}));
    for (const std::string& bad : {std::string("a..b"), std::string(64, 'a'), std::string(".a")})
        EXPECT_FALSE(add_name_record(answer, 5, bad.c_str())) << bad;
}

}  // namespace
}  // namespace crank::shim
