#include <array>

#include "network/test_world.h"
#include "sys/child.h"

namespace crank::network {
namespace {

class ObstaclesTest : public NamespaceTest {
protected:
    // Runs the first of the programs that is there. false: none is.
    static bool run_first(std::initializer_list<std::string> programs,
                          const std::vector<std::string>& arguments) {
        for (const std::string& program : programs) {
            if (!sys::exists(program)) continue;
            sys::SpawnRequest request;
            request.path = program;
            request.args = {program};
            request.args.insert(request.args.end(), arguments.begin(), arguments.end());
            auto output = sys::run_command(request);
            EXPECT_TRUE(output && output->status.shell_code() == 0)
                << (output ? output->err : output.error().text());
            return true;
        }
        return false;
    }

    Scratch scratch_;
    BridgeConfig config_{.device = "crt0", .state_dir = scratch_.path() + "/state"};
};

TEST_F(ObstaclesTest, AnOrdinaryHostHasNone) {
    auto found = forward_obstacles(config_);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, std::vector<std::string>{});
    auto leased = lease(config_, "c1");
    ASSERT_TRUE(leased);
    EXPECT_EQ(leased->warnings, std::vector<std::string>{});
}

TEST_F(ObstaclesTest, AChainThatDropsIsNamedWithTheRemedy) {
    const std::array<std::vector<std::string>, 2> commands = {
        {{"add", "table", "inet", "firewall"},
         {"add", "chain", "inet", "firewall", "onward",
          "{ type filter hook forward priority 0; policy drop; }"}}};
    for (const auto& command : commands)
        ASSERT_TRUE(run_first({"/usr/sbin/nft", "/sbin/nft"}, command)) << "nft is not installed";
    auto leased = lease(config_, "c1");
    ASSERT_TRUE(leased) << leased.error().text();
    ASSERT_EQ(leased->warnings.size(), 1u);
    EXPECT_EQ(
        leased->warnings[0],
        "the host's chain onward of table inet firewall drops forwarded packets that no rule of "
        "it accepts: containers may reach no other host; allow them: "
        "nft insert rule inet "
        "firewall onward iifname crt0 accept; nft insert rule inet firewall onward oifname crt0 ct "
        "state established,related accept");
    EXPECT_EQ(*forward_obstacles(config_), leased->warnings);
    EXPECT_EQ(drops_forwarded(), std::vector<std::string>{"chain onward of table inet firewall"});
    EXPECT_EQ(drops_incoming(), std::vector<std::string>{});
    // Said once, by the start that made the bridge.
    auto second = lease(config_, "c2");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->warnings.size(), 0u);
}

TEST_F(ObstaclesTest, IptablesOfBothKindsAreSeen) {
    for (const char* kind : {"nft", "legacy"}) {
        SetUp();
        std::string program = std::string("/usr/sbin/iptables-") + kind;
        if (!run_first({program}, {"-P", "FORWARD", "DROP"})) {
            std::printf("%s is not installed: not looked at\n", program.c_str());
            continue;
        }
        auto found = forward_obstacles(config_);
        ASSERT_TRUE(found) << found.error().text();
        ASSERT_EQ(found->size(), 1u) << kind;
        EXPECT_NE((*found)[0].find("DOCKER-USER"), std::string::npos);
        ASSERT_TRUE(run_first({program}, {"-P", "FORWARD", "ACCEPT"}));
        EXPECT_EQ(*forward_obstacles(config_), std::vector<std::string>{}) << kind;
        EXPECT_EQ(drops_forwarded(), std::vector<std::string>{}) << kind;
        ASSERT_TRUE(run_first({program}, {"-P", "INPUT", "DROP"}));
        EXPECT_EQ(drops_incoming(), std::vector<std::string>{"chain INPUT of table ip filter"})
            << kind;
        EXPECT_EQ(drops_forwarded(), std::vector<std::string>{}) << kind;
    }
}

}  // namespace
}  // namespace crank::network
