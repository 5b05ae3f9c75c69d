#include "engine/http_probe.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

TEST(HttpProbe, AsksForThePathOfTheUrl) {
    ProbeTarget target = *parse_probe_target("http://:8501/up?x=1");
    EXPECT_EQ(http_request(target, "10.88.0.2"),
              "GET /up?x=1 HTTP/1.1\r\nHost: 10.88.0.2:8501\r\nUser-Agent: crank-probe\r\n"
              "Accept: */*\r\nConnection: close\r\n\r\n");
    EXPECT_NE(http_request(target, "::1").find("Host: [::1]:8501\r\n"), std::string::npos);
}

TEST(HttpProbe, StatusesFrom200To399Pass) {
    EXPECT_TRUE(judge_http("HTTP/1.1 200 OK\r\n\r\nfine").passed);
    EXPECT_TRUE(judge_http("HTTP/1.0 204\r\n\r\n").passed);
    EXPECT_TRUE(judge_http("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").passed);
    HttpVerdict failed = judge_http("HTTP/1.1 503 Busy\r\nX: y\r\n\r\nmodel is loading\n");
    EXPECT_FALSE(failed.passed);
    EXPECT_EQ(failed.text, "503 Busy\nmodel is loading");
    EXPECT_FALSE(judge_http("HTTP/1.1 404 Not Found\r\n\r\n").passed);
    EXPECT_FALSE(judge_http("HTTP/1.1 101 Switching\r\n\r\n").passed);
}

TEST(HttpProbe, WhatIsNoAnswerIsNamed) {
    EXPECT_NE(judge_http("").text.find("without an answer"), std::string::npos);
    EXPECT_NE(judge_http("+PONG\r\n").text.find("no answer of HTTP"), std::string::npos);
    EXPECT_NE(judge_http("\x15\x03\x01").text.find("https://"), std::string::npos);
    for (const char* bad : {"HTTP/1.1", "HTTP/1.1 2", "HTTP/1.1 2x0 OK", "HTTP/2 200 OK\r\n",
                            "HTTP/1.1 2000 OK\r\n", "HTTP/1.1  200"})
        EXPECT_FALSE(judge_http(bad).passed) << bad;
}

}  // namespace
}  // namespace crank::engine
