#include <gtest/gtest.h>

#include "network/network.h"

namespace crank::network {
namespace {

PortSpec spec(std::string ip, std::uint16_t host, std::uint16_t container,
              std::string protocol = "tcp") {
    return {std::move(ip), host, container, std::move(protocol)};
}

std::vector<PortSpec> parsed(std::string_view text) {
    auto result = parse_port(text);
    EXPECT_TRUE(result) << text << ": " << result.error().text();
    return result ? *result : std::vector<PortSpec>{};
}

std::string error_of(std::string_view text, Code code = Code::invalid_argument) {
    auto result = parse_port(text);
    if (result) return "no error";
    EXPECT_EQ(result.error().code(), code) << text;
    EXPECT_NE(result.error().hint(), "") << text;
    return result.error().text();
}

using Specs = std::vector<PortSpec>;

TEST(ParsePort, TakesEveryFormOfDockers) {
    EXPECT_EQ(parsed("8501:8501"), Specs{spec("", 8501, 8501)});
    EXPECT_EQ(parsed("8080:80"), Specs{spec("", 8080, 80)});
    EXPECT_EQ(parsed("80"), Specs{spec("", 0, 80)});
    EXPECT_EQ(parsed(":80"), Specs{spec("", 0, 80)});
    EXPECT_EQ(parsed("0:80"), Specs{spec("", 0, 80)});
    EXPECT_EQ(parsed("127.0.0.1:8080:80"), Specs{spec("127.0.0.1", 8080, 80)});
    EXPECT_EQ(parsed("127.0.0.1::80"), Specs{spec("127.0.0.1", 0, 80)});
    EXPECT_EQ(parsed("0.0.0.0:80:80"), Specs{spec("0.0.0.0", 80, 80)});
    EXPECT_EQ(parsed("[::1]:8080:80"), Specs{spec("::1", 8080, 80)});
    EXPECT_EQ(parsed("[::]::80"), Specs{spec("::", 0, 80)});
    EXPECT_EQ(parsed("::1:8080:80"), Specs{spec("::1", 8080, 80)});
    EXPECT_EQ(parsed("53:53/udp"), Specs{spec("", 53, 53, "udp")});
    EXPECT_EQ(parsed("53:53/TCP"), Specs{spec("", 53, 53)});
    EXPECT_EQ(parsed("65535:65535"), Specs{spec("", 65535, 65535)});
}

TEST(ParsePort, ExpandsRanges) {
    EXPECT_EQ(parsed("8000-8002:9000-9002"),
              (Specs{spec("", 8000, 9000), spec("", 8001, 9001), spec("", 8002, 9002)}));
    EXPECT_EQ(parsed("9000-9001"), (Specs{spec("", 0, 9000), spec("", 0, 9001)}));
    EXPECT_EQ(parsed("127.0.0.1:7-8:7-8/udp"),
              (Specs{spec("127.0.0.1", 7, 7, "udp"), spec("127.0.0.1", 8, 8, "udp")}));
    EXPECT_EQ(parsed("5-5:6").size(), 1u);
}

TEST(ParsePort, NamesThePartThatIsWrong) {
    EXPECT_EQ(error_of(""), "invalid port '': it is empty");
    EXPECT_EQ(error_of("abc"),
              "invalid port 'abc': the container port 'abc' is no number from 1 to 65535");
    EXPECT_EQ(error_of("8501:http"),
              "invalid port '8501:http': the container port 'http' is no number from 1 to 65535");
    EXPECT_EQ(error_of("x:80"),
              "invalid port 'x:80': the host port 'x' is no number from 1 to 65535");
    EXPECT_EQ(error_of("65536:80"),
              "invalid port '65536:80': the host port '65536' is no number from 1 to 65535");
    EXPECT_EQ(error_of("80:-1"),
              "invalid port '80:-1': the container port '' is no number from 1 to 65535");
    EXPECT_EQ(error_of("80:+1"),
              "invalid port '80:+1': the container port '+1' is no number from 1 to 65535");
    EXPECT_EQ(error_of("80:"), "invalid port '80:': the container port is missing");
    EXPECT_EQ(error_of(":"), "invalid port ':': the container port is missing");
    EXPECT_EQ(error_of("80:0"), "invalid port '80:0': the container port is 0");
    EXPECT_EQ(error_of("80:80/"), "invalid port '80:80/': the protocol after '/' is missing");
    EXPECT_EQ(error_of("80:80/icmp"),
              "invalid port '80:80/icmp': the protocol 'icmp' is neither tcp nor udp");
    EXPECT_EQ(error_of("localhost:80:80"),
              "invalid port 'localhost:80:80': 'localhost' is no IP address");
    EXPECT_EQ(error_of("1.2.3.256:80:80"),
              "invalid port '1.2.3.256:80:80': '1.2.3.256' is no IP address");
    EXPECT_EQ(error_of("[::g]:80:80"), "invalid port '[::g]:80:80': '[::g]' is no IP address");
    EXPECT_EQ(error_of("127.0.0.1:80"),
              "invalid port '127.0.0.1:80': '127.0.0.1' stands where the host port should; for any "
              "free port of that address write 127.0.0.1::80");
    EXPECT_EQ(error_of("8002-8000:80-82"),
              "invalid port '8002-8000:80-82': the host range '8002-8000' ends before it starts");
    EXPECT_EQ(error_of("8000-8001:80-82"),
              "invalid port '8000-8001:80-82': the host range has 2 ports and the container range "
              "3");
    EXPECT_EQ(error_of("0-2:80-82"), "invalid port '0-2:80-82': the host range starts at port 0");
}

TEST(ParsePort, SaysWhatIsNotSupported) {
    EXPECT_EQ(error_of("80:80/sctp", Code::unsupported),
              "invalid port '80:80/sctp': sctp ports are not supported");
    EXPECT_EQ(error_of("8000-8010:80", Code::unsupported),
              "invalid port '8000-8010:80': a range of host ports for one container port");
}

}  // namespace
}  // namespace crank::network
