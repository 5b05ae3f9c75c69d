#include "runtime/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace crank::runtime {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();

TEST(Scope, is_named_as_its_callers_name_it) {
    EXPECT_EQ(parse_scope("machine.slice:libpod:abc", "abc").value(),
              (Scope{"machine.slice", "libpod-abc.scope", "/machine.slice/libpod-abc.scope"}));
    EXPECT_EQ(parse_scope("system.slice:docker:0123", "x").value().cgroups_path,
              "/system.slice/docker-0123.scope");
    EXPECT_EQ(parse_scope("", "mail").value(), (Scope{"system.slice", "crank-oci-mail.scope",
                                                      "/system.slice/crank-oci-mail.scope"}));
    EXPECT_EQ(parse_scope("a-b.slice::c", "x").value(),
              (Scope{"a-b.slice", "c.scope", "/a.slice/a-b.slice/c.scope"}));
    EXPECT_EQ(parse_scope("-.slice:p:c", "x").value().cgroups_path, "/p-c.scope");
}

TEST(Scope, what_is_no_unit_is_refused) {
    for (const auto& [path, says] : std::vector<std::pair<std::string, std::string>>{
             {"/crank/x", "not of the form slice:prefix:name"},
             {"a.slice:b:c:d", "not of the form slice:prefix:name"},
             {"system:b:c", "'system' is not the name of a slice"},
             {"../x.slice:b:c", "is not the name of a slice"},
             {"a/b.slice:b:c", "is not the name of a slice"},
             {"a--b.slice:b:c", "is not the name of a slice"},
             {"-a.slice:b:c", "is not the name of a slice"},
             {".slice:b:c", "is not the name of a slice"},
             {"system.slice:b:../c", "cannot be the name of a unit"},
             {"system.slice:b:c@d", "cannot be the name of a unit"},
             {"system.slice:b:", "cannot be the name of a unit"},
             {"system.slice:b:" + std::string(250, 'x'), "cannot be the name of a unit"},
             {"system.slice:b:c.slice", "a container lives in a scope"}}) {
        auto scope = parse_scope(path, "x");
        ASSERT_FALSE(scope.has_value()) << path;
        EXPECT_THAT(scope.error().text(), HasSubstr(says)) << path;
    }
}

TEST(Scope, annotations_ask_for_properties_of_it) {
    using Property = UnitProperty;
    auto read = [](const std::string& name, const std::string& text) {
        return annotated_properties({{"org.systemd.property." + name, text}, {"other", "x"}},
                                    {{"Slice", std::string("system.slice")}});
    };
    auto is = [&](const std::string& name, const std::string& text, const Property& wanted) {
        auto made = read(name, text);
        ASSERT_TRUE(made) << made.error().text();
        EXPECT_THAT(*made, ::testing::ElementsAre(wanted));
    };
    is("KillSignal", "15", Property{"KillSignal", std::int32_t{15}});
    is("KillSignal", "int32 9", Property{"KillSignal", std::int32_t{9}});
    is("TimeoutStopUSec", "uint64 10000000",
       Property{"TimeoutStopUSec", std::uint64_t{10'000'000}});
    is("TimeoutStopSec", "5", Property{"TimeoutStopUSec", std::uint64_t{5'000'000}});
    is("SendSIGHUP", "true", Property{"SendSIGHUP", true});
    is("CollectMode", "'inactive'", Property{"CollectMode", std::string("inactive")});
    is("After", "['a.service', \"b.service\"]",
       Property{"After", std::vector<std::string>{"a.service", "b.service"}});
    for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
             {"killSignal", "15"},
             {"Kill-Signal", "15"},
             {"", "15"},
             {"KillSignal", ""},
             {"KillSignal", "x"},
             {"KillSignal", "1x"},
             {"Slice", "'x'"},
             {"PIDs", "[]"},
             {"After", "['a"},
             {"TimeoutStopSec", "99999999999999999999"}}) {
        auto made = read(name, text);
        ASSERT_FALSE(made.has_value()) << name << "=" << text;
        EXPECT_THAT(made.error().text(), HasSubstr("org.systemd.property." + name));
    }
    EXPECT_THAT(idle_annotations({{"org.systemd.property.KillSignal", "15"}, {"x", "y"}}),
                ::testing::ElementsAre(HasSubstr("KillSignal")));
}

TEST(Scope, limits_are_said_in_systemds_words) {
    oci::Resources r;
    EXPECT_TRUE(limit_properties(r).value().empty());
    r.memory_limit = 64 << 20;
    r.memory_swap = 96 << 20;
    r.cpu_quota = 25'001;
    r.cpu_shares = 1024;
    r.pids_limit = -1;
    r.cpuset_cpus = "0,9-10";
    auto properties = limit_properties(r).value();
    using Property = UnitProperty;
    EXPECT_THAT(properties, Contains(Property{"MemoryMax", std::uint64_t{64 << 20}}));
    EXPECT_THAT(properties, Contains(Property{"MemorySwapMax", std::uint64_t{32 << 20}}));
    // the next whole percent, never less than was asked for
    EXPECT_THAT(properties, Contains(Property{"CPUQuotaPerSecUSec", std::uint64_t{260'000}}));
    EXPECT_THAT(properties, Contains(Property{"CPUWeight", std::uint64_t{100}}));
    EXPECT_THAT(properties, Contains(Property{"TasksMax", kInfinity}));
    EXPECT_THAT(properties,
                Contains(Property{"AllowedCPUs", std::vector<std::uint8_t>{0x01, 0x06}}));
    r.cpu_quota = std::numeric_limits<std::int64_t>::max();
    r.cpu_period = 1;
    r.memory_limit = r.memory_swap = -1;
    r.pids_limit = 0;
    properties = limit_properties(r).value();
    EXPECT_THAT(properties, Contains(Property{"CPUQuotaPerSecUSec", kInfinity}));
    EXPECT_THAT(properties, Contains(Property{"CPUQuotaPeriodUSec", std::uint64_t{1}}));
    EXPECT_THAT(properties, Contains(Property{"MemoryMax", kInfinity}));
    EXPECT_THAT(properties, Contains(Property{"MemorySwapMax", kInfinity}));
    EXPECT_THAT(properties, Contains(Property{"TasksMax", std::uint64_t{1}}));
    r.cpuset_mems = "x";
    EXPECT_THAT(limit_properties(r).error().text(), HasSubstr("linux.resources.cpu.mems"));
}

// A limit of all together, or an end that systemd takes for the unit's own, would end others'
// workers.
TEST(Scope, the_unit_of_all_containers_limits_and_ends_none_of_them) {
    auto properties = containers_unit_properties();
    EXPECT_THAT(properties, Contains(UnitProperty{"TasksMax", kInfinity}));
    EXPECT_THAT(properties, Contains(UnitProperty{"OOMPolicy", std::string("continue")}));
    EXPECT_THAT(properties, Contains(UnitProperty{"RemainAfterExit", true}));
    EXPECT_THAT(properties, Contains(UnitProperty{"Delegate", true}));
}

}  // namespace
}  // namespace crank::runtime
