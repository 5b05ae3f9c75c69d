#include "gateway/control_request.h"

#include <gtest/gtest.h>

namespace crank::gateway {
namespace {

template <class Request>
Request parsed(std::string_view text) {
    auto request = parse_control(text);
    EXPECT_TRUE(request) << text;
    return request ? std::get<Request>(*request) : Request{};
}

TEST(ControlRequest, JudgesAContainer) {
    auto judged = std::get<JudgeRequest>(
        parse_control(R"({"op":"judge","backend":"a","well":false})").value());
    EXPECT_EQ(judged.backend, "a");
    EXPECT_FALSE(judged.well);
    EXPECT_FALSE(parse_control(R"({"op":"judge","backend":"a"})"));
    EXPECT_FALSE(parse_control(R"({"op":"judge","backend":"a","well":1})"));
}

TEST(ControlRequest, IsTakenApart) {
    auto listen = parsed<ListenRequest>(
        R"({"op":"listen","id":"[::1]:80","target":"web:8000","protocol":"tcp"})");
    EXPECT_EQ(listen.id, "[::1]:80");
    EXPECT_EQ(listen.target, "web:8000");
    EXPECT_EQ(listen.protocol, Protocol::tcp);
    EXPECT_EQ(parsed<ListenRequest>(R"({"op":"listen","id":"a","target":"b"})").protocol,
              Protocol::automatic);
    auto route = parsed<RouteRequest>(
        R"({"op":"route","target":"web:8000","hold_ms":5,"backends":[
            {"id":"a","address":"10.1.2.3","port":1},
            {"id":"a","address":"fd00::3","port":65535,"weight":0}]})");
    EXPECT_EQ(route.hold.count(), 5);
    ASSERT_EQ(route.backends.size(), 2U);
    EXPECT_EQ(route.backends[0].weight, 1);
    EXPECT_EQ(route.backends[1].address, "fd00::3");
    EXPECT_EQ(route.backends[1].port, 65535);
    EXPECT_EQ(route.backends[1].weight, 0);
    EXPECT_EQ(parsed<DrainRequest>(R"({"op":"drain","backend":"a"})").grace.count(), 10'000);
    EXPECT_EQ(parsed<StopRequest>(R"({"op":"stop","grace_ms":0})").grace.count(), 0);
    EXPECT_EQ(parsed<UnlistenRequest>(R"({"op":"unlisten","id":"a"})").id, "a");
    (void)parsed<StateRequest>(R"({"op":"state"})");
}

// tests/lib/gateway_control.py has the others, with their texts.
TEST(ControlRequest, BoundsAreKept) {
    std::string many = R"({"op":"route","target":"a","backends":[)";
    for (int i = 0; i < 257; ++i)
        many += std::string(i > 0 ? "," : "") + R"({"id":"x)" + std::to_string(i) +
                R"(","address":"::1","port":1})";
    EXPECT_EQ(parse_control(many + "]}").error().text(), "route: backends has more than 256");
    EXPECT_EQ(parse_control(R"({"op":"unlisten","id":")" + std::string(513, 'a') + R"("})")
                  .error()
                  .text(),
              "unlisten: id is empty or too long");
    EXPECT_EQ(parse_control(R"({"op":"stop","grace_ms":18446744073709551615})").error().text(),
              "stop: grace_ms is no number from 0 to 86400000");
    EXPECT_EQ(parse_control(R"({"op":"stop","grace_ms":-9223372036854775808})").error().text(),
              "stop: grace_ms is no number from 0 to 86400000");
}

}  // namespace
}  // namespace crank::gateway
