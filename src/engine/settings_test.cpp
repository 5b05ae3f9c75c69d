#include "engine/settings.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

template <class T>
std::string error_of(const Result<T>& result) {
    return result ? "no error" : result.error().text();
}

TEST(Settings, Ulimits) {
    EXPECT_EQ(parse_ulimit("nofile=1024:2048").value(), (Ulimit{"nofile", 1024, 2048}));
    EXPECT_EQ(parse_ulimit("NPROC=5").value(), (Ulimit{"nproc", 5, 5}));
    EXPECT_EQ(parse_ulimit("core=0:-1").value(), (Ulimit{"core", 0, -1}));
    EXPECT_EQ(parse_ulimit("memlock=unlimited").value(), (Ulimit{"memlock", -1, -1}));
    EXPECT_EQ(error_of(parse_ulimit("nofile")), "--ulimit \"nofile\": wanted NAME=SOFT[:HARD]");
    EXPECT_EQ(error_of(parse_ulimit("nofiles=1")),
              "--ulimit \"nofiles=1\": unknown limit \"nofiles\"");
    EXPECT_EQ(parse_ulimit("nofiles=1").error().hint(), "did you mean nofile?");
    EXPECT_EQ(error_of(parse_ulimit("nofile=2:1")),
              "--ulimit \"nofile=2:1\": the soft limit is above the hard one");
    EXPECT_EQ(error_of(parse_ulimit("nofile=-1:1")),
              "--ulimit \"nofile=-1:1\": the soft limit is above the hard one");
    for (const char* text : {"nofile=", "nofile=a", "nofile=1:", "nofile=1:2:3", "nofile=-2"})
        EXPECT_EQ(error_of(parse_ulimit(text)),
                  "--ulimit \"" + std::string(text) + "\": a limit is a number, or -1 for none");
}

TEST(Settings, ExtraHosts) {
    EXPECT_EQ(parse_extra_host("db:10.0.0.7").value(), (ExtraHost{"db", "10.0.0.7"}));
    EXPECT_EQ(parse_extra_host("db=10.0.0.7").value(), (ExtraHost{"db", "10.0.0.7"}));
    EXPECT_EQ(parse_extra_host("six:::1").value(), (ExtraHost{"six", "::1"}));
    EXPECT_EQ(parse_extra_host("six=[fe80::2]").value(), (ExtraHost{"six", "fe80::2"}));
    EXPECT_EQ(parse_extra_host("up:host-gateway").value(), (ExtraHost{"up", "host-gateway"}));
    EXPECT_EQ(error_of(parse_extra_host("db")), "--add-host \"db\": wanted NAME:IP");
    EXPECT_EQ(error_of(parse_extra_host(":10.0.0.7")), "--add-host \":10.0.0.7\": wanted NAME:IP");
    EXPECT_EQ(error_of(parse_extra_host("db:10.0.0")),
              "--add-host \"db:10.0.0\": \"10.0.0\" is no IP address");
    EXPECT_EQ(error_of(parse_extra_host("a b:10.0.0.7")),
              "--add-host \"a b:10.0.0.7\": a host name has no blanks");
}

TEST(Settings, LogOptions) {
    Settings settings;
    ASSERT_TRUE(apply_log_option(settings, "max-size=10k"));
    ASSERT_TRUE(apply_log_option(settings, "max-file=3"));
    EXPECT_EQ(settings.log_max_size, 10240);
    EXPECT_EQ(settings.log_max_files, 3);
    EXPECT_EQ(error_of(apply_log_option(settings, "max-size=1")),
              "--log-opt \"max-size=1\": a log's file has at least 4096 bytes, and an end");
    EXPECT_EQ(error_of(apply_log_option(settings, "max-file=0")),
              "--log-opt \"max-file=0\": wanted a number of files from 1 to 1000");
    EXPECT_EQ(error_of(apply_log_option(settings, "tag=x")),
              "--log-opt \"tag=x\": option \"tag\" is not supported");
    EXPECT_EQ(error_of(apply_log_option(settings, "max=x")),
              "--log-opt \"max=x\": option \"max\" is unknown");
    EXPECT_EQ(error_of(apply_log_option(settings, "max-size")),
              "--log-opt \"max-size\": wanted NAME=VALUE");
}

TEST(Settings, SecurityOptions) {
    Settings settings;
    EXPECT_EQ(apply_security_option(settings, "seccomp=/p.json").value(), "/p.json");
    for (const char* text : {"seccomp=unconfined", "no-new-privileges:false",
                             "systempaths=unconfined", "apparmor=unconfined", "label:disable"})
        EXPECT_EQ(apply_security_option(settings, text).value(), std::nullopt) << text;
    EXPECT_TRUE(is_unfiltered(settings));
    EXPECT_EQ(settings.no_new_privileges, false);
    EXPECT_TRUE(settings.bare_paths);
    ASSERT_TRUE(apply_security_option(settings, "no-new-privileges"));
    EXPECT_EQ(settings.no_new_privileges, true);
    auto error = [&](const char* text) { return error_of(apply_security_option(settings, text)); };
    EXPECT_EQ(error("no-new-privileges=maybe"),
              "--security-opt \"no-new-privileges=maybe\": true or false");
    EXPECT_EQ(error("seccomp="),
              "--security-opt \"seccomp=\": a profile's file is wanted, or unconfined");
    EXPECT_NE(error("apparmor=docker-default").find("puts no AppArmor profile"), std::string::npos);
    EXPECT_NE(error("label=type:x").find("puts no SELinux label"), std::string::npos);
    EXPECT_EQ(error("mask=/x"), "--security-opt \"mask=/x\": option \"mask\" is not supported");
    EXPECT_EQ(error("secomp=x"), "--security-opt \"secomp=x\": option \"secomp\" is unknown");
}

TEST(Settings, Namespaces) {
    EXPECT_EQ(parse_pid("host").value(), "host");
    EXPECT_EQ(parse_pid("container:other").value(), "container:other");
    EXPECT_EQ(error_of(parse_pid("private")), "--pid \"private\": host or container:NAME");
    EXPECT_EQ(error_of(parse_pid("container:")), "--pid \"container:\": host or container:NAME");
    EXPECT_EQ(parse_ipc("host").value(), "host");
    EXPECT_EQ(parse_ipc("none").value(), "none");
    EXPECT_EQ(parse_ipc("shareable").value(), "");
    EXPECT_EQ(error_of(parse_ipc("x")),
              "--ipc \"x\": host, private, shareable, none or container:NAME");
    EXPECT_EQ(parse_ipc("container:one").value(), "container:one");
    EXPECT_EQ(parse_ipc("private").value(), "private");
    EXPECT_EQ(parse_uts("host").value(), "host");
    EXPECT_EQ(error_of(parse_uts("private")), "--uts \"private\": host alone");
}

TEST(Settings, PrivilegedHasNoFilterUnlessOneIsNamed) {
    Settings settings;
    EXPECT_FALSE(is_unfiltered(settings));
    settings.privileged = true;
    EXPECT_TRUE(is_unfiltered(settings));
    settings.seccomp = "{}";
    EXPECT_FALSE(is_unfiltered(settings));
}

TEST(Settings, SetsOfProcessorsPortsAndServers) {
    EXPECT_EQ(parse_cpu_set("--cpuset-cpus", "0-3,7").value(), "0-3,7");
    for (const char* text : {"", "a", "1-", "-1", "3-1", "1,,2", "1-2-3", "+1"})
        EXPECT_EQ(error_of(parse_cpu_set("--cpuset-cpus", text)),
                  "--cpuset-cpus \"" + std::string(text) + "\": wanted a list of numbers");
    EXPECT_EQ(parse_expose("80").value(), "80/tcp");
    EXPECT_EQ(parse_expose("53/UDP").value(), "53/udp");
    EXPECT_EQ(parse_expose("8000-8010/tcp").value(), "8000-8010/tcp");
    EXPECT_EQ(error_of(parse_expose("8080:80")),
              "--expose \"8080:80\": a port of the container alone is wanted");
    EXPECT_NE(error_of(parse_expose("99999")), "no error");
    EXPECT_EQ(parse_dns("1.1.1.1").value(), "1.1.1.1");
    EXPECT_EQ(error_of(parse_dns("dns")), "--dns \"dns\": a name server is an IP address");
}

}  // namespace
}  // namespace crank::engine
