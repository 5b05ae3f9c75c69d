#include "engine/pasta_options.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using Words = std::vector<std::string>;

std::string error_of(std::string_view text) {
    auto parsed = parse_pasta(text);
    return parsed ? "" : parsed.error().text();
}

TEST(PastaOptions, TheWordAloneOrBeforeAColon) {
    EXPECT_TRUE(is_pasta("pasta"));
    EXPECT_TRUE(is_pasta("pasta:-4"));
    EXPECT_FALSE(is_pasta("pasta2"));
    EXPECT_FALSE(is_pasta("past"));
}

TEST(PastaOptions, AreTheWordsBetweenCommas) {
    EXPECT_EQ(parse_pasta("pasta").value(), Words{});
    EXPECT_EQ(parse_pasta("pasta:-a,192.0.2.2,-g,192.0.2.1").value(),
              (Words{"-a", "192.0.2.2", "-g", "192.0.2.1"}));
    EXPECT_EQ(parse_pasta("pasta:--mtu=1280,-4").value(), (Words{"--mtu=1280", "-4"}));
}

TEST(PastaOptions, OthersAreNamed) {
    EXPECT_EQ(error_of("pasta:--netns,/x"),
              "--network \"pasta:--netns,/x\": crank passes no \"--netns\" on to pasta");
    EXPECT_EQ(error_of("pasta:"), "--network \"pasta:\": crank passes no \"\" on to pasta");
    EXPECT_EQ(error_of("pasta:-4=1"),
              "--network \"pasta:-4=1\": crank passes no \"-4=1\" on to pasta");
    EXPECT_EQ(error_of("pasta:-a"), "--network \"pasta:-a\": --address wants a value");
    EXPECT_EQ(error_of("pasta:-a,"), "--network \"pasta:-a,\": crank passes no \"\" on to pasta");
    EXPECT_EQ(parse_pasta("pasta:--adress,10.0.0.1").error().hint(), "did you mean --address?");
}

TEST(PastaOptions, NothingOfTheHostIsReachedUnlessTheySaySo) {
    EXPECT_EQ(pasta_arguments({}), (Words{"--config-net", "--quiet", "--no-map-gw", "--tcp-ports",
                                          "none", "--udp-ports", "none", "--tcp-ns", "none",
                                          "--udp-ns", "none", "--dns-forward", "169.254.1.1"}));
    EXPECT_EQ(pasta_arguments({"--map-gw", "-t", "8080", "--udp-ports=53", "-T", "1", "-U", "2",
                               "--dns-forward", "192.0.2.9"}),
              (Words{"--config-net", "--quiet", "-t", "8080", "--udp-ports=53", "-T", "1", "-U",
                     "2", "--dns-forward", "192.0.2.9"}));
}

TEST(PastaOptions, NamesAreAskedForWhereThereIsAWay) {
    EXPECT_EQ(resolver_of({}), "169.254.1.1");
    EXPECT_EQ(resolver_of({"-6"}), "");
    EXPECT_EQ(resolver_of({"-6", "--dns-forward", "fd00::9"}), "fd00::9");
    EXPECT_EQ(resolver_of({"--dns-forward=192.0.2.9"}), "192.0.2.9");
}

}  // namespace
}  // namespace crank::engine
