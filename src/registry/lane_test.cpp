#include "registry/lane.h"

#include <gtest/gtest.h>

#include <thread>

#include "sys/stream_pair.h"

namespace crank::registry {
namespace {

struct Pair {
    Lane a, b;
};
Pair make_pair() {
    auto pair = sys::make_stream_pair();
    return {Lane(std::move(pair->first)), Lane(std::move(pair->second))};
}

TEST(Lane, CarriesFieldsAndErrors) {
    Fields fields = {{"op", "resolve"}, {"reference", "a\"b\n\xc3\xa9"}};
    EXPECT_EQ(decode(encode(fields)).value(), fields);
    Error error = Error(Code::corrupt, "blob x").with_hint("crank pull");
    auto back = error_of(fields_of(error));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->code(), Code::corrupt);
    EXPECT_EQ(back->text(), "blob x");
    EXPECT_EQ(back->hint(), "crank pull");
    EXPECT_EQ(error_of(fields_of(Error(Code::io, "a\x1b[2J\nb")))->text(), "a [2J b");
    EXPECT_FALSE(error_of(fields));
    EXPECT_FALSE(decode("[]"));
    EXPECT_FALSE(decode(R"({"a":1})"));
}

// Whoever took over the other side chooses its words; they are printed.
TEST(Lane, ErrorsMoveNoCursor) {
    Fields fields = {
        {"error.code", "1"}, {"error.message", "a\x1b[2Jb"}, {"error.hint", "c\rd\x7f"}};
    auto error = error_of(fields);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->text(), "a [2Jb");
    EXPECT_EQ(error->hint(), "c d ");
    EXPECT_EQ(fields_of(Error(Code::io, "x").with_hint("a\nb")).at("error.hint"), "a b");
}

TEST(Lane, SplitsLongDataAndSeesTheEnd) {
    Pair lanes = make_pair();
    std::string data(3 * kMaxFrame + 7, 'x');
    std::thread writer([lane = std::move(lanes.a), &data]() mutable {
        EXPECT_TRUE(lane.send(FrameKind::data, data));
        EXPECT_TRUE(lane.send(FrameKind::result, "{}"));
    });
    std::size_t size = 0;
    while (true) {
        auto frame = lanes.b.receive().value();
        ASSERT_TRUE(frame);
        if (frame->kind == FrameKind::result) break;
        size += frame->bytes.size();
    }
    writer.join();
    EXPECT_EQ(size, data.size());
    EXPECT_FALSE(lanes.b.receive().value());
}

TEST(Lane, ServesUntilTheOtherEndIsClosed) {
    Pair lanes = make_pair();
    std::thread server([lane = std::move(lanes.a)]() mutable {
        EXPECT_TRUE(serve(lane, [](const Fields& request) -> Result<Fields> {
            std::string text = TRY(field(request, "text"));
            return Fields{{"twice", text + text}};
        }));
    });
    auto ask = [&](std::string_view request) {
        EXPECT_TRUE(lanes.b.send(FrameKind::request, request));
        auto frame = lanes.b.receive().value();
        EXPECT_EQ(frame->kind, FrameKind::result);
        return decode(frame->text()).value();
    };
    EXPECT_EQ(ask(R"({"text":"a"})").at("twice"), "aa");
    // What cannot be done is an answer, and the next request has its own.
    EXPECT_EQ(error_of(ask("{}"))->text(), "a message has no text");
    EXPECT_EQ(error_of(ask("[]"))->code(), Code::corrupt);
    EXPECT_EQ(ask(R"({"text":"b"})").at("twice"), "bb");
    { Lane closed = std::move(lanes.b); }
    server.join();
}

TEST(Lane, RefusesWhatIsNoFrame) {
    auto pair = sys::make_stream_pair();
    std::uint8_t bad[] = {'D', 0xff, 0xff, 0xff, 0xff};
    ASSERT_TRUE(sys::send_parts(pair->first.get(), bad, {}));
    Lane lane(std::move(pair->second));
    auto frame = lane.receive();
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().code(), Code::corrupt);
}

}  // namespace
}  // namespace crank::registry
