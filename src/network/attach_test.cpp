#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "network/bridge.h"
#include "network/rules.h"
#include "network/test_world.h"
#include "sys/child.h"
#include "sys/nftables.h"
#include "sys/rtnetlink.h"
#include "sys/tcp.h"

namespace crank::network {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{20000};  // never reached where things work
constexpr milliseconds kShort{300};   // to see that nothing comes
constexpr const char* kForwardSwitch = "/proc/sys/net/ipv4/ip_forward";

class AttachTest : public NamespaceTest {
protected:
    void SetUp() override {
        NamespaceTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        config_.device = "crt0";
        config_.state_dir = scratch_.path() + "/state";
    }

    struct Container {
        sys::UniqueFd ns;
        Attachment attachment;
    };
    Container start(const std::string& id) {
        auto ns = create_namespace();
        EXPECT_TRUE(ns);
        auto attachment = attach(config_, id, ns->get());
        EXPECT_TRUE(attachment) << attachment.error().text();
        return {std::move(*ns), attachment ? *attachment : Attachment{}};
    }

    std::vector<std::string> devices() {
        std::vector<std::string> names;
        for (const auto& link : *sys::RouteSocket::open()->links())
            if (link.kind == "veth" || link.kind == "bridge") names.push_back(link.name);
        std::ranges::sort(names);
        return names;
    }

    bool has_table(const std::string& name) { return *sys::NftSocket::open()->has_table(name); }

    static Result<> connect_from(int ns, const std::string& ip, std::uint16_t port,
                                 milliseconds deadline) {
        return sys::run_in_network_namespace(ns, [&]() -> Result<> {
            TRY(sys::connect_tcp(ip, port, deadline));
            return {};
        });
    }

    static sys::UniqueFd listen_in(int ns, const std::string& ip, std::uint16_t port) {
        sys::UniqueFd listener;
        auto done = sys::run_in_network_namespace(ns, [&]() -> Result<> {
            listener = TRY(sys::listen_tcp(ip, port, 64));
            return {};
        });
        EXPECT_TRUE(done) << done.error().text();
        return listener;
    }

    // A namespace that plays the world, joined to the host's device upN: .1 there and .2 here, its
    // default route through the host.
    static sys::UniqueFd make_world(int number = 0, const std::string& range = "203.0.113.") {
        auto world = create_namespace();
        auto host = sys::RouteSocket::open();
        sys::VethRequest request;
        request.host_name = "up" + std::to_string(number);
        request.peer_name = "eth0";
        request.peer_namespace = world->get();
        request.peer_mac = {2, 0, 0, 0, 0, 1};
        sys::RouteChanges create, here, there;
        create.add_veth(request);
        EXPECT_TRUE(host->apply(create));
        auto their_ip = *sys::parse_ipv4(range + "1"), our_ip = *sys::parse_ipv4(range + "2");
        here.add_address(host->link(request.host_name)->index, our_ip, 24);
        EXPECT_TRUE(host->apply(here));
        auto inside = sys::RouteSocket::open_in(world->get());
        int index = inside->link("eth0")->index;
        there.set_up(index, "eth0");
        there.add_address(index, their_ip, 24);
        there.add_default_route(our_ip, index);
        EXPECT_TRUE(inside->apply(there));
        return std::move(*world);
    }

    static void add_host_route(const std::string& gateway, const std::string& device,
                               std::uint32_t metric) {
        auto host = sys::RouteSocket::open();
        sys::RouteChanges route;
        route.add_default_route(*sys::parse_ipv4(gateway), host->link(device)->index, metric);
        auto added = host->apply(route);
        EXPECT_TRUE(added) << added.error().text();
    }

    static void delete_table(const std::string& table) {
        sys::NftBatch batch;
        batch.delete_table(table);
        EXPECT_TRUE(sys::NftSocket::open()->apply(batch));
    }

    Scratch scratch_;
    BridgeConfig config_;
};

TEST_F(AttachTest, TheContainerReachesTheGatewayAtOnce) {
    auto container = start("c1");
    EXPECT_EQ(container.attachment.address, "10.188.0.2");
    EXPECT_EQ(container.attachment.gateway, "10.188.0.1");
    EXPECT_EQ(container.attachment.prefix, 16);
    EXPECT_EQ(container.attachment.mac, "02:63:0a:bc:00:02");
    EXPECT_EQ(container.attachment.host_device, "crk0abc0002");
    EXPECT_EQ(*sys::read_link(container.attachment.lease_path), "c1");
    auto listener = sys::listen_tcp("10.188.0.1", 80, 8);
    ASSERT_TRUE(listener) << listener.error().text();
    auto connected = connect_from(container.ns.get(), "10.188.0.1", 80, kLong);
    EXPECT_TRUE(connected) << connected.error().text();
}

TEST_F(AttachTest, TheHostReachesTheContainer) {
    auto container = start("c1");
    auto listener = listen_in(container.ns.get(), "0.0.0.0", 80);
    auto connected = sys::connect_tcp(container.attachment.address, 80, kLong);
    EXPECT_TRUE(connected) << connected.error().text();
}

TEST_F(AttachTest, ContainersReachEachOther) {
    auto one = start("c1"), two = start("c2");
    EXPECT_NE(one.attachment.address, two.attachment.address);
    auto listener = listen_in(two.ns.get(), "0.0.0.0", 80);
    auto connected = connect_from(one.ns.get(), two.attachment.address, 80, kLong);
    EXPECT_TRUE(connected) << connected.error().text();
}

TEST_F(AttachTest, Ipv6IsOnLoopbackAlone) {
    auto container = start("c1");
    auto checked = sys::run_in_network_namespace(container.ns.get(), []() -> Result<> {
        auto addresses = TRY(sys::read_file("/proc/thread-self/net/if_inet6"));
        EXPECT_NE(addresses.find(" lo\n"), std::string::npos);
        EXPECT_EQ(addresses.find("eth0"), std::string::npos);
        TRY(sys::listen_tcp("::1", 80, 1));
        return {};
    });
    EXPECT_TRUE(checked) << checked.error().text();
    EXPECT_EQ(trim(*sys::read_file("/proc/sys/net/ipv6/conf/crt0/disable_ipv6")), "1");
    EXPECT_EQ(trim(*sys::read_file("/proc/sys/net/ipv4/conf/crt0/route_localnet")), "0");
}

TEST_F(AttachTest, TheWorldSeesTheHostsAddress) {
    auto world = make_world();
    auto container = start("c1");
    auto listener = listen_in(world.get(), "203.0.113.1", 80);
    auto connected = connect_from(container.ns.get(), "203.0.113.1", 80, kLong);
    ASSERT_TRUE(connected) << connected.error().text();
    auto accepted = sys::accept_tcp(listener.get(), kLong);
    ASSERT_TRUE(accepted);
    EXPECT_EQ(*sys::peer_ip(accepted->get()), "203.0.113.2");
}

TEST_F(AttachTest, TheWorldReachesNoUnpublishedPort) {
    auto world = make_world();
    auto container = start("c1");
    auto listener = listen_in(container.ns.get(), "0.0.0.0", 80);
    auto refused = connect_from(world.get(), container.attachment.address, 80, kShort);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::deadline_exceeded);
    // It is the rule that holds it back, not the missing way.
    delete_table(table_of(config_));
    EXPECT_TRUE(connect_from(world.get(), container.attachment.address, 80, kLong));
}

TEST_F(AttachTest, TheHostBecomesNoRouterForOthers) {
    auto left = make_world(0), right = make_world(1, "198.51.100.");
    add_host_route("203.0.113.1", "up0", 0);
    add_host_route("198.51.100.1", "up1", 9);
    auto listener = listen_in(right.get(), "198.51.100.1", 80);
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "0");
    auto container = start("c1");
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "1");
    EXPECT_TRUE(connect_from(container.ns.get(), "198.51.100.1", 80, kLong));
    auto refused = connect_from(left.get(), "198.51.100.1", 80, kShort);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::deadline_exceeded);
    // It is the guard that keeps the two apart.
    delete_table("crank_guard");
    EXPECT_TRUE(connect_from(left.get(), "198.51.100.1", 80, kLong));
}

TEST_F(AttachTest, AHostThatForwardsAlreadyIsLeftAlone) {
    ASSERT_TRUE(sys::write_knob(kForwardSwitch, "1"));
    {
        auto container = start("c1");
        ASSERT_TRUE(release(container.attachment));
    }
    EXPECT_FALSE(has_table("crank_guard"));
    ASSERT_TRUE(remove_bridge(config_));
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "1");
}

TEST_F(AttachTest, RulesThatOthersFlushedComeBack) {
    auto one = start("c1");
    delete_table(table_of(config_));
    ASSERT_TRUE(sys::write_knob(kForwardSwitch, "0"));
    auto two = start("c2");
    EXPECT_TRUE(has_table(table_of(config_)));
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "1");
}

TEST_F(AttachTest, ManyAtOnceGetAddressesOfTheirOwnThatWork) {
    constexpr int kProcesses = 8, kEach = 4;
    auto results = sys::make_pipe();
    auto go = sys::make_pipe();
    ASSERT_TRUE(results);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
        pid_t pid = ::fork();
        ASSERT_GE(pid, 0);
        if (pid == 0) {
            go->write.reset();
            char byte;
            (void)!::read(go->read.get(), &byte, 1);
            std::vector<Container> mine;
            for (int j = 0; j < kEach; ++j) {
                mine.push_back(start("c" + std::to_string(i * kEach + j)));
                auto& last = mine.back();
                auto listener = listen_in(last.ns.get(), "0.0.0.0", 80);
                auto connected = sys::connect_tcp(last.attachment.address, 80, kLong);
                if (!connected) ::_exit(1);
                (void)sys::write_all(results->write.get(), last.attachment.address + "\n", "pipe");
            }
            ::_exit(::testing::Test::HasFailure() ? 1 : 0);
        }
        children.push_back(pid);
    }
    go->write.reset();
    results->write.reset();
    auto text = sys::read_all(results->read.get(), 65536, "pipe");
    ASSERT_TRUE(text);
    std::set<std::string> addresses;
    for (const auto& line : split(*text, '\n'))
        if (!line.empty()) addresses.insert(line);
    EXPECT_EQ(addresses.size(), static_cast<std::size_t>(kProcesses * kEach));
    for (pid_t pid : children) {
        int status = -1;
        EXPECT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_EQ(status, 0);
    }
}

TEST_F(AttachTest, AFullSubnetIsAnError) {
    config_.subnet = "10.99.0.0/29";
    std::vector<Container> containers;
    for (int i = 0; i < 5; ++i) containers.push_back(start("c" + std::to_string(i)));
    auto ns = create_namespace();
    auto attachment = attach(config_, "one-too-many", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::exhausted);
    // An address comes back at once, even while its old device may linger.
    ASSERT_TRUE(release(containers[0].attachment));
    containers[0].ns.reset();
    auto again = attach(config_, "again", ns->get());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->address, "10.99.0.2");
}

TEST_F(AttachTest, AFailureLeavesNothingBehind) {
    auto taken = start("c1");
    auto before = devices();
    // The namespace has an eth0 already.
    auto attachment = attach(config_, "c2", taken.ns.get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::already_exists) << attachment.error().text();
    EXPECT_TRUE(attachment.error().text().starts_with("create veth crk0abc0003"))
        << attachment.error().text();
    EXPECT_EQ(devices(), before);
    EXPECT_EQ(sys::list_dir(config_.state_dir + "/leases")->size(), 1u);
}

TEST_F(AttachTest, AFailureInsideTakesTheDeviceBack) {
    auto ns = create_namespace();
    // A default route that is there already makes a step fail after the device was made.
    auto inside = sys::RouteSocket::open_in(ns->get());
    sys::RouteChanges create, configure;
    create.add_bridge({"br0", {2, 0, 0, 0, 0, 9}, 1500});
    ASSERT_TRUE(inside->apply(create));
    int index = inside->link("br0")->index;
    configure.set_up(index, "br0");
    configure.add_address(index, *sys::parse_ipv4("192.0.2.1"), 24);
    configure.add_default_route(*sys::parse_ipv4("192.0.2.2"), index);
    ASSERT_TRUE(inside->apply(configure));
    auto attachment = attach(config_, "c1", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().text(), "add the default route through 10.188.0.1: File exists");
    EXPECT_EQ(devices(), std::vector<std::string>{"crt0"});
    EXPECT_EQ(sys::list_dir(config_.state_dir + "/leases")->size(), 0u);
}

TEST_F(AttachTest, TheDeviceGoesWithTheNamespace) {
    auto container = start("c1");
    EXPECT_EQ(devices(), (std::vector<std::string>{"crk0abc0002", "crt0"}));
    container.ns.reset();
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (devices().size() > 1 && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
    EXPECT_EQ(devices(), std::vector<std::string>{"crt0"});
}

TEST_F(AttachTest, TheBridgeGoesWhenNobodyUsesIt) {
    auto container = start("c1");
    auto removed = remove_bridge(config_);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code(), Code::in_use);
    EXPECT_EQ(removed.error().text(), "1 containers use the bridge crt0");
    ASSERT_TRUE(release(container.attachment));
    container.ns.reset();
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (devices().size() > 1 && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
    removed = remove_bridge(config_);
    ASSERT_TRUE(removed) << removed.error().text();
    EXPECT_EQ(devices(), std::vector<std::string>{});
    EXPECT_FALSE(has_table(table_of(config_)));
    EXPECT_FALSE(has_table("crank_guard"));
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "0");
    EXPECT_EQ(*sys::list_dir(config_.state_dir), std::vector<std::string>{"lock"});
    ASSERT_TRUE(remove_bridge(config_));
    EXPECT_EQ(start("c2").attachment.address, "10.188.0.2");
}

TEST_F(AttachTest, ForwardingStaysForWhoCameLater) {
    auto container = start("c1");
    auto world = make_world();
    ASSERT_TRUE(release(container.attachment));
    ASSERT_TRUE(remove_bridge(config_));
    EXPECT_EQ(trim(*sys::read_file(kForwardSwitch)), "1");
}

TEST_F(AttachTest, ADeviceOfSomebodyElseIsLeftAlone) {
    auto route = sys::RouteSocket::open();
    sys::RouteChanges changes;
    changes.add_bridge({"crt0", {2, 0, 0, 0, 0, 9}, 1500});
    ASSERT_TRUE(route->apply(changes));
    auto ns = create_namespace();
    auto attachment = attach(config_, "c1", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::already_exists);
    EXPECT_EQ(attachment.error().text(),
              "the network device crt0 exists and was not made by crank");
    EXPECT_TRUE(route->link("crt0"));
}

TEST_F(AttachTest, AnotherStateDirectoryMustNameAnotherBridge) {
    auto container = start("c1");
    BridgeConfig other = config_;
    other.state_dir = scratch_.path() + "/other";
    auto ns = create_namespace();
    auto attachment = attach(other, "c2", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::already_exists);
    EXPECT_EQ(attachment.error().text(),
              "the network device crt0 belongs to the state directory " + config_.state_dir);
    other.device = "crt1";
    attachment = attach(other, "c2", ns->get());
    ASSERT_TRUE(attachment) << attachment.error().text();
    EXPECT_EQ(attachment->address, "10.189.0.2");
}

TEST_F(AttachTest, StateDirectoriesGetBridgesOfTheirOwnAtOnce) {
    constexpr int kDirectories = 6;
    std::vector<pid_t> children;
    for (int i = 0; i < kDirectories; ++i) {
        pid_t pid = ::fork();
        ASSERT_GE(pid, 0);
        if (pid == 0) {
            BridgeConfig mine{.state_dir = scratch_.path() + "/" + std::to_string(i)};
            ::_exit(lease(mine, "c") ? 0 : 1);
        }
        children.push_back(pid);
    }
    for (pid_t pid : children) {
        int status = -1;
        EXPECT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(devices().size(), std::size_t{kDirectories});
    std::set<std::string> ranges;
    for (int i = 0; i < kDirectories; ++i)
        ranges.insert(*sys::read_file(scratch_.path() + "/" + std::to_string(i) + "/subnet"));
    EXPECT_EQ(ranges.size(), std::size_t{kDirectories});
}

TEST_F(AttachTest, ABridgeWhoseStateDirectoryIsGoneGivesItsRangeBack) {
    BridgeConfig gone{.state_dir = scratch_.path() + "/gone"};
    BridgeConfig busy{.state_dir = scratch_.path() + "/busy"};
    ASSERT_TRUE(lease(gone, "c1"));
    auto ns = create_namespace();
    ASSERT_TRUE(attach(busy, "c2", ns->get()));
    ASSERT_TRUE(sys::remove_tree(gone.state_dir));
    ASSERT_TRUE(sys::remove_tree(busy.state_dir));
    EXPECT_EQ(lease(config_, "c3")->address, "10.188.0.2");
    auto left = devices();
    EXPECT_EQ(std::ranges::count(left, device_of(gone)), 0);
    EXPECT_EQ(std::ranges::count(left, device_of(busy)), 1) << "it has a container";
    EXPECT_FALSE(has_table("crank_" + device_of(gone)));
    EXPECT_TRUE(has_table("crank_" + device_of(busy)));
}

TEST_F(AttachTest, TheUsualStateDirectoryHasTheUsualBridge) {
    EXPECT_EQ(device_of({.state_dir = "/run/crank/network"}), "crank0");
    EXPECT_EQ(device_of({.device = "br7", .state_dir = "/run/crank/network"}), "br7");
    std::string other = device_of({.state_dir = "/tmp/x/network"});
    EXPECT_EQ(other.size(), 14u);
    EXPECT_NE(other, device_of({.state_dir = "/tmp/y/network"}));
}

TEST_F(AttachTest, LeaseComesBeforeConnect) {
    auto one = lease(config_, "c1");
    ASSERT_TRUE(one) << one.error().text();
    EXPECT_EQ(one->address, "10.188.0.2");
    EXPECT_EQ(one->gateway, "10.188.0.1");
    EXPECT_EQ(one->mac, "02:63:0a:bc:00:02");
    EXPECT_EQ(devices(), std::vector<std::string>{"crt0"});
    auto ns = create_namespace();
    // Whatever happened to the bridge meanwhile is mended.
    sys::RouteChanges changes;
    changes.remove_link("crt0");
    ASSERT_TRUE(sys::RouteSocket::open()->apply(changes));
    auto connected = connect(config_, *one, ns->get());
    ASSERT_TRUE(connected) << connected.error().text();
    auto listener = listen_in(ns->get(), "0.0.0.0", 80);
    EXPECT_TRUE(sys::connect_tcp("10.188.0.2", 80, kLong));
    one->address = "192.0.2.7";
    connected = connect(config_, *one, ns->get());
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().text(),
              "the address 192.0.2.7 is none of the bridge's range 10.188.0.0/16");
}

TEST_F(AttachTest, AStateDirectoryThatLostFilesWorksOn) {
    auto one = start("c1");
    ASSERT_TRUE(sys::remove_tree(config_.state_dir + "/next"));
    EXPECT_EQ(start("c2").attachment.address, "10.188.0.3");
    ASSERT_TRUE(sys::remove_file(config_.state_dir + "/subnet"));
    EXPECT_EQ(start("c3").attachment.address, "10.188.0.4");
    ASSERT_TRUE(sys::remove_tree(config_.state_dir));
    // Without its leases it cannot know who has an address; it keeps to its range at least.
    auto ns = create_namespace();
    auto lost = lease(config_, "c4");
    ASSERT_TRUE(lost) << lost.error().text();
    EXPECT_EQ(lost->prefix, 16);
    EXPECT_EQ(lost->address, "10.188.0.2");
    auto connected = connect(config_, *lost, ns->get());
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code(), Code::already_exists);
    auto listener = listen_in(one.ns.get(), "0.0.0.0", 80);
    EXPECT_TRUE(sys::connect_tcp("10.188.0.2", 80, kLong)) << "the living one keeps its device";
}

TEST_F(AttachTest, ATakenRangeIsAvoidedOrRefused) {
    auto route = sys::RouteSocket::open();
    sys::RouteChanges create, address;
    create.add_bridge({"vpn0", {2, 0, 0, 0, 0, 9}, 1500});
    ASSERT_TRUE(route->apply(create));
    address.add_address(route->link("vpn0")->index, *sys::parse_ipv4("10.188.9.1"), 24);
    ASSERT_TRUE(route->apply(address));
    config_.subnet = "10.188.0.0/16";
    auto ns = create_namespace();
    auto attachment = attach(config_, "c1", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::in_use);
    EXPECT_EQ(attachment.error().text(),
              "subnet 10.188.0.0/16 overlaps 10.188.9.0/24, which this host has a route to");
    EXPECT_EQ(devices(), std::vector<std::string>{"vpn0"});
    config_.subnet.clear();
    EXPECT_EQ(start("c1").attachment.address, "10.189.0.2");
    config_.subnet = "10.90.0.0/16";
    auto refused = attach(config_, "c2", ns->get());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::failed_precondition);
    EXPECT_EQ(refused.error().text(), "the bridge crt0 has subnet 10.189.0.0/16, not 10.90.0.0/16");
}

TEST_F(AttachTest, BadNamesAndSubnetsAreRefused) {
    auto ns = create_namespace();
    for (const char* name : {"a-name-that-is-too-long", "a/b", "a b", ".."}) {
        config_.device = name;
        auto attachment = attach(config_, "c1", ns->get());
        ASSERT_FALSE(attachment) << name;
        EXPECT_EQ(attachment.error().code(), Code::invalid_argument) << name;
    }
    config_.device = "crt0";
    config_.subnet = "10.188.0.1/16";
    auto attachment = attach(config_, "c1", ns->get());
    ASSERT_FALSE(attachment);
    EXPECT_EQ(attachment.error().code(), Code::invalid_argument);
}

TEST_F(AttachTest, TheWayOutDecidesThePacketSize) {
    auto route = sys::RouteSocket::open();
    sys::RouteChanges create, address;
    create.add_bridge({"up1", {2, 0, 0, 0, 0, 9}, 1400});
    ASSERT_TRUE(route->apply(create));
    int index = route->link("up1")->index;
    address.add_address(index, *sys::parse_ipv4("203.0.113.2"), 24);
    address.set_up(index, "up1");
    address.add_default_route(*sys::parse_ipv4("203.0.113.1"), index);
    ASSERT_TRUE(route->apply(address));
    auto container = start("c1");
    EXPECT_EQ(sys::RouteSocket::open_in(container.ns.get())->link("eth0")->mtu, 1400u);
    EXPECT_EQ(route->link("crt0")->mtu, 1400u);
}

TEST_F(AttachTest, WithoutRightsTheErrorSaysSo) {
    auto ns = create_namespace();
    EXPECT_EXIT(
        {
            if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
            config_.state_dir = "/tmp/crank-net-nobody." + std::to_string(::getpid());
            auto attachment = attach(config_, "c1", ns->get());
            (void)sys::remove_tree(config_.state_dir);
            bool right = !attachment && attachment.error().code() == Code::permission_denied;
            ::_exit(right ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace crank::network
