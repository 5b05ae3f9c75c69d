#include "engine/listening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
    "   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n"
    "   1: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2\n"
    "   2: 0A00580A:1F40 0100580A:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 3\n"
    "   3: 0B00007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4\n"
    "  4: nonsense\n";

Record publishing(std::uint16_t port) {
    Record record;
    record.ports = {{.host_ip = "127.0.0.1", .host_port = 8000, .container_port = port}};
    return record;
}

TEST(Listening, ReadsWhoAcceptsConnections) {
    EXPECT_THAT(parse_listeners(kTable), ElementsAre(Listener{8000, false}, Listener{9000, true}));
    EXPECT_THAT(parse_listeners("0: 00000000000000000000000001000000:0050 0:0 0A\n"
                                "0: 0000000000000000FFFF00000100007F:0051 0:0 0A\n"
                                "0: 00000000000000000000000000000000:0052 0:0 0A\n"),
                ElementsAre(Listener{80, true}, Listener{81, true}, Listener{82, false}));
    EXPECT_THAT(parse_listeners("0: 00000000:FFFFF 0:0 0A\n0: 00000000 0:0 0A\n"), IsEmpty());
}

TEST(Listening, SaysWhichPublishedPortNobodyAnswers) {
    std::vector<Listener> all = parse_listeners(kTable);
    EXPECT_THAT(unanswered_ports(publishing(8000), all), IsEmpty());
    EXPECT_THAT(
        unanswered_ports(publishing(9000), all),
        ElementsAre(HasSubstr("port 9000 is published, and it listens there on 127.0.0.1")));
    EXPECT_THAT(unanswered_ports(publishing(80), all),
                ElementsAre("nothing listens on port 80, which is published: it listens on 8000, "
                            "9000"));
    EXPECT_THAT(unanswered_ports(publishing(80), {}),
                ElementsAre(HasSubstr("it is still starting, or serves nothing")));
}

TEST(Listening, AnotherProtocolAndANativeWorkerAreOtherThings) {
    Record datagrams = publishing(80);
    datagrams.ports[0].protocol = "udp";
    EXPECT_THAT(unanswered_ports(datagrams, {}), IsEmpty());
    Record native = publishing(9000);
    native.kind = Kind::native;
    EXPECT_THAT(unanswered_ports(native, {{9000, true}}), IsEmpty());
}

}  // namespace
}  // namespace crank::engine
