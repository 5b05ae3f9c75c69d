#include "network/service.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "network/names.h"
#include "network/rules.h"
#include "network/service_file.h"
#include "network/test_world.h"
#include "sys/rtnetlink.h"
#include "sys/tcp.h"
#include "sys/tcp_stream.h"

namespace crank::network {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{5000};  // never reached where things work

TEST(ServiceFile, WhatIsWrittenIsRead) {
    const Service service{.id = "service-1",
                          .project = "shop",
                          .name = "web",
                          .names = {"web", "www"},
                          .address = "10.7.0.254",
                          .backends = {{"c1", "10.7.0.2"}, {"c2", "10.7.0.3"}},
                          .relayed = {{80, 41234}, {8000, 41235}}};
    EXPECT_EQ(parse_service("service-1", serialize(service)), service);
}

TEST(ServiceFile, WhatIsNoneOfOursIsNothing) {
    EXPECT_FALSE(parse_service("service-1", ""));
    EXPECT_FALSE(parse_service("c1", "project a\nname b\naddress 10.7.0.2\n"));
    EXPECT_FALSE(parse_service("service-1", "project a\nname b\naddress ten\n"));
    auto service = parse_service("service-1",
                                 "project a\nname b\naddress 10.7.0.2\nbackend c1 x\nelse\n"
                                 "relayed 80 0\nrelayed 80 65536\nrelayed x 80\n");
    ASSERT_TRUE(service);
    EXPECT_TRUE(service->backends.empty());
    EXPECT_TRUE(service->relayed.empty());
}

class ServiceTest : public NamespaceTest {
protected:
    void SetUp() override {
        NamespaceTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        config_.device = "crt0";
        config_.subnet = "10.7.0.0/24";
        config_.state_dir = scratch_.path() + "/state";
        config_.definition = scratch_.path() + "/network.json";
        ASSERT_TRUE(sys::write_file_atomic(config_.definition, "{}", 0600, sys::Sync::no));
    }

    struct Container {
        sys::UniqueFd ns, listener;
        Attachment attachment;
        ServiceBackend backend() const { return {attachment.container_id, attachment.address}; }
    };
    // It listens on port 80.
    Container start(const std::string& id) {
        auto ns = create_namespace();
        EXPECT_TRUE(ns);
        auto attachment = attach(config_, id, ns->get());
        EXPECT_TRUE(attachment) << attachment.error().text();
        Container container{std::move(*ns), {}, attachment ? *attachment : Attachment{}};
        auto listens = sys::run_in_network_namespace(container.ns.get(), [&]() -> Result<> {
            container.listener = TRY(sys::listen_tcp("0.0.0.0", 80, 64));
            return {};
        });
        EXPECT_TRUE(listens) << listens.error().text();
        return container;
    }
    static Result<> connect_from(const Container& client, const std::string& ip,
                                 std::uint16_t port = 80) {
        return sys::run_in_network_namespace(client.ns.get(), [&]() -> Result<> {
            TRY(sys::connect_tcp(ip, port, kLong));
            return {};
        });
    }
    // As many as have come, closed at once.
    static int accept_all(const Container& container) {
        int count = 0;
        while (sys::accept_stream(container.listener.get()).outcome ==
               sys::AcceptOutcome::connection)
            ++count;
        return count;
    }
    void lead_to_two();
    std::string put(const std::vector<ServiceBackend>& backends) {
        auto put = put_service(config_, web_, {.backends = backends});
        EXPECT_TRUE(put) << put.error().text();
        return put ? put->address : "";
    }
    static bool is_refused(const Result<>& connected) {
        return !connected && connected.error().text().contains("refused");
    }
    bool is_on_device(const std::string& address) {
        auto route = sys::RouteSocket::open();
        for (const auto& own : *route->own_addresses())
            if (own.address.text() == address && own.length == 32) return true;
        return false;
    }

    Scratch scratch_;
    BridgeConfig config_;
    Service web_{.id = "service-web", .project = "shop", .name = "web", .names = {"web", "www"}};
};

void ServiceTest::lead_to_two() {
    auto client = start("c0"), one = start("c1"), two = start("c2");
    const std::string address = put({one.backend(), two.backend()});
    EXPECT_EQ(address, "10.7.0.254");
    constexpr int kCalls = 40;
    for (int i = 0; i < kCalls; ++i) {
        auto connected = connect_from(client, address);
        EXPECT_TRUE(connected) << connected.error().text();
    }
    int to_one = accept_all(one), to_two = accept_all(two);
    EXPECT_EQ(to_one + to_two, kCalls);
    EXPECT_GT(to_one, 0);
    EXPECT_GT(to_two, 0);
    // and itself
    put({one.backend()});
    auto connected = connect_from(one, address);
    EXPECT_TRUE(connected) << connected.error().text();
    for (const Container* container : {&client, &one, &two})
        EXPECT_TRUE(release(container->attachment));
}

TEST_F(ServiceTest, LeadsToOneOfItsContainers) {
    // Also where the host's rules see what passes within a bridge, and where they do not.
    for (const char* seen : {"0", "1"}) {
        const std::string knob = "/proc/sys/net/bridge/bridge-nf-call-iptables";
        if (sys::exists(knob)) {
            ASSERT_TRUE(sys::write_knob(knob, seen));
        }
        lead_to_two();
    }
}

TEST_F(ServiceTest, WithoutAContainerItRefusesAndIsNoWayToTheHost) {
    auto client = start("c0");
    auto host = sys::listen_tcp("0.0.0.0", 81, 8);
    ASSERT_TRUE(host);
    const std::string address = put({});
    EXPECT_TRUE(is_on_device(address));
    EXPECT_TRUE(is_refused(connect_from(client, address, 81)));
    auto here = sys::connect_tcp(address, 81, kLong);
    ASSERT_FALSE(here);
    EXPECT_TRUE(here.error().text().contains("refused")) << here.error().text();
    auto one = start("c1");
    put({one.backend()});
    EXPECT_TRUE(connect_from(client, address));
    EXPECT_TRUE(is_refused(connect_from(client, address, 81)));
}

TEST_F(ServiceTest, WhatIsRelayedGoesToWhoListensForIt) {
    for (bool internal : {false, true}) {
        config_.internal = internal;
        config_.device = internal ? "crt1" : "crt0";
        config_.subnet = internal ? "10.8.0.0/24" : "10.7.0.0/24";
        config_.state_dir = scratch_.path() + (internal ? "/inside" : "/state");
        auto client = start("c0"), one = start("c1");
        // A port that this host has taken everywhere is no hindrance.
        auto taken = sys::listen_tcp("0.0.0.0", 8000, 8);
        ASSERT_TRUE(taken);
        const std::string address = put({one.backend()});
        auto relay = listen_for_service(config_, address);
        ASSERT_TRUE(relay) << relay.error().text();
        const std::uint16_t own = *sys::local_port(relay->get());
        EXPECT_TRUE(is_refused(connect_from(client, address, own)));
        ASSERT_TRUE(put_service(config_, web_, {.relayed = RelayedPorts{{8000, own}}}));
        EXPECT_TRUE(connect_from(client, address, 8000));
        auto accepted = sys::accept_tcp(relay->get(), kLong);
        ASSERT_TRUE(accepted);
        EXPECT_EQ(*sys::peer_ip(accepted->get()), client.attachment.address);
        // The others are led as before, and where no container runs this one goes on.
        EXPECT_TRUE(connect_from(client, address, 80));
        put({});
        EXPECT_TRUE(is_refused(connect_from(client, address, 80)));
        EXPECT_TRUE(connect_from(client, address, 8000));
        // It is the network's alone: what this host sends itself is none of it.
        EXPECT_FALSE(sys::connect_tcp(address, own, kLong));
        ASSERT_TRUE(put_service(config_, web_, {.relayed = RelayedPorts{}}));
        EXPECT_TRUE(is_refused(connect_from(client, address, 8000)));
    }
}

TEST_F(ServiceTest, StaysAndIsFoundAgain) {
    auto one = start("c1");
    const std::string address = put({one.backend()});
    EXPECT_EQ(put({}), address);
    // Of a command that was killed before it wrote the file.
    ASSERT_TRUE(sys::remove_file(services_dir(config_.state_dir) + "/service-web"));
    EXPECT_EQ(put({one.backend()}), address);
    auto kept = put_service(config_, web_);
    ASSERT_TRUE(kept);
    auto services = list_services(config_.state_dir);
    ASSERT_EQ(services->size(), 1u);
    EXPECT_EQ(services->front().backends, std::vector{one.backend()});
    ASSERT_TRUE(remove_service(config_, "service-web"));
    EXPECT_FALSE(is_on_device(address));
    EXPECT_TRUE(list_services(config_.state_dir)->empty());
    EXPECT_FALSE(sys::exists(names_dir(config_.state_dir, "web")));
    EXPECT_TRUE(remove_service(config_, "service-web"));
}

TEST_F(ServiceTest, WhoHasEndedCountsNoMoreAndWhoComesBackDoes) {
    auto client = start("c0"), one = start("c1");
    const std::string address = put({one.backend()});
    ASSERT_TRUE(release(one.attachment));
    ASSERT_TRUE(tell_services(config_, "c1", ""));
    EXPECT_TRUE(is_refused(connect_from(client, address)));
    auto again = start("c1");
    ASSERT_TRUE(tell_services(config_, "c1", again.attachment.address));
    EXPECT_TRUE(connect_from(client, address));
    EXPECT_TRUE(tell_services(config_, "c9", ""));
}

// A datagram from where `socket` is bound to, and where it arrives: "c1". Empty: nowhere.
std::string send_datagram(int socket, const std::string& address,
                          const std::vector<std::pair<std::string, int>>& receivers) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(53);
    inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    std::vector<pollfd> waits;
    for (const auto& [name, receiver] : receivers) waits.push_back({receiver, POLLIN, 0});
    if (sendto(socket, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) != 1) return "";
    if (poll(waits.data(), waits.size(), 2000) <= 0) return "";
    for (std::size_t i = 0; i < waits.size(); ++i) {
        char byte;
        if (waits[i].revents != 0 && recv(waits[i].fd, &byte, 1, 0) == 1) return receivers[i].first;
    }
    return "";
}

TEST_F(ServiceTest, DatagramsOfOneSenderMoveToo) {
    auto client = start("c0"), one = start("c1"), two = start("c2");
    auto socket_in = [](const Container& container, std::uint16_t port) {
        sys::UniqueFd fd;
        auto made = sys::run_in_network_namespace(container.ns.get(), [&]() -> Result<> {
            fd = sys::UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            sockaddr_in at{};
            at.sin_family = AF_INET;
            at.sin_port = htons(port);
            if (bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
                return fail(Code::io, "bind");
            return {};
        });
        EXPECT_TRUE(made);
        return fd;
    };
    auto sender = socket_in(client, 4000), first = socket_in(one, 53), second = socket_in(two, 53);
    std::vector<std::pair<std::string, int>> receivers = {{"c1", first.get()},
                                                          {"c2", second.get()}};
    const std::string address = put({one.backend()});
    EXPECT_EQ(send_datagram(sender.get(), address, receivers), "c1");
    put({two.backend()});
    EXPECT_EQ(send_datagram(sender.get(), address, receivers), "c2");
    put({one.backend(), two.backend()});
    EXPECT_EQ(send_datagram(sender.get(), address, receivers), "c2");
    ASSERT_TRUE(release(two.attachment));
    ASSERT_TRUE(tell_services(config_, "c2", ""));
    EXPECT_EQ(send_datagram(sender.get(), address, receivers), "c1");
}

TEST_F(ServiceTest, RulesThatAreFlushedComeBackWithTheNextContainer) {
    auto client = start("c0"), one = start("c1");
    const std::string address = put({one.backend()});
    sys::NftBatch batch;
    batch.delete_table(table_of(config_));
    ASSERT_TRUE(sys::NftSocket::open()->apply(batch));
    auto next = start("c2");
    EXPECT_TRUE(connect_from(client, address));
}

TEST_F(ServiceTest, AnInternalNetworkForwardsToItselfAlone) {
    config_.internal = true;
    auto client = start("c0"), one = start("c1");
    const std::string address = put({one.backend()});
    EXPECT_TRUE(connect_from(client, address));
    EXPECT_EQ(trim(*sys::read_file("/proc/sys/net/ipv4/ip_forward")), "0");
}

TEST_F(ServiceTest, WhereContainersAreKeptApartThereIsNone) {
    config_.between = false;
    auto put = put_service(config_, web_);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code(), Code::failed_precondition);
}

TEST_F(ServiceTest, ItTakesNoAddressThatIsAskedForAndKeepsNoBridge) {
    auto put = put_service(config_, web_, {.others = {"10.7.0.254"}});
    ASSERT_TRUE(put);
    EXPECT_EQ(put->address, "10.7.0.253");
    EXPECT_TRUE(remove_bridge(config_));
}

}  // namespace
}  // namespace crank::network
