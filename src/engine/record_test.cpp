#include "engine/record.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

Record full_record() {
    Record record{
        .id = std::string(64, 'a'),
        .name = "quiet_crane",
        .kind = Kind::container,
        .created_ns = 1'767'323'045'000'000'006,
        .image = "x:latest",
        .image_id = "sha256:1",
        .args = {"sh", "-c", "true"},
        .entrypoint = {"sh"},
        .hostname = "h",
        .user = "worker",
        .working_dir = "/app",
        .env = {"A=1"},
        .labels = {{"k", "v"}},
        .ports = {{"127.0.0.1", 8501, 8501, "tcp"}},
        .mounts = {{"bind", "/a", "/b", true}, {"volume", "/v", "/c", false, false, "name", true}},
        .network = {.mode = "bridge", .address = "10.88.0.2", .prefix = 16}};
    record.stop_signal = "SIGTERM";
    record.stop_timeout = 10;
    record.nano_cpus = 500'000'000;
    record.warnings = {"w"};
    record.spec = R"({"ociVersion":"1.2.0"})";
    record.wanted_ports = {{"", 0, 8501, "tcp"}};
    record.gpus = "all";
    record.devices = {"/dev/fuse"};
    record.spec_without_devices = R"({"ociVersion":"1.1.0"})";
    record.restart = {RestartPolicy::Kind::on_failure, 3};
    record.restart_count = 2;
    record.health = HealthCheck{.test = {"CMD-SHELL", "true"},
                                .shell = {"/bin/bash", "-c"},
                                .interval = 1,
                                .timeout = 2,
                                .start_period = 3,
                                .start_interval = 4,
                                .retries = 5,
                                .on_unhealthy = OnUnhealthy::restart,
                                .most_restarts = 7};
    record.unhealthy_restarts = 2;
    record.secrets = {
        {.source = "/s", .destination = "/run/secrets/s", .uid = 1000, .gid = 1001, .mode = 0440}};
    record.config_links = {{.source = "/c", .name = "c.json"}};
    return record;
}

TEST(Record, IsReadAsItWasWritten) {
    Record record = full_record();
    auto again = parse_record(serialize(record));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*again, record);
}

TEST(Record, SettingsAreKeptForLaterStarts) {
    Record record = full_record();
    EXPECT_EQ(serialize(record).find("settings"), std::string::npos);
    record.settings = {.cap_add = {"NET_ADMIN"},
                       .cap_drop = {"ALL"},
                       .privileged = true,
                       .security_opt = {"seccomp=unconfined"},
                       .seccomp = "unconfined",
                       .no_new_privileges = false,
                       .bare_paths = true,
                       .group_add = {"video"},
                       .oom_score_adj = 0,
                       .ulimits = {{"nofile", 1, -1}},
                       .sysctls = {{"net.a", "1"}},
                       .pid = "host",
                       .ipc = "host",
                       .uts = "host",
                       .network_of = "n",
                       .ip = "10.0.0.2",
                       .hosts = {{"db", "10.0.0.7"}},
                       .dns = {"1.1.1.1"},
                       .dns_search = {"a"},
                       .dns_options = {"ndots:1"},
                       .domainname = "d",
                       .memory_swap = -1,
                       .memory_reservation = 5,
                       .cpu_shares = 6,
                       .cpuset_cpus = "0-1",
                       .cpuset_mems = "0",
                       .log_max_size = 7,
                       .log_max_files = 8,
                       .annotations = {{"k", "v"}},
                       .expose = {"80/tcp"},
                       .publish_all = true,
                       .no_healthcheck = true};
    auto again = parse_record(serialize(record));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->settings, record.settings);
}

TEST(Record, TheStrictSandboxIsWhatAnOlderCrankMustNotRead) {
    Record record = full_record();
    EXPECT_NE(serialize(record).find("\"version\":1,"), std::string::npos);
    EXPECT_FALSE(confinement_of(record));
    record.sandbox = "strict";
    record.writable = {"/tmp", "/data"};
    record.bind_ports = {8501};
    record.landlock = 7;
    EXPECT_NE(serialize(record).find("\"version\":2,"), std::string::npos);
    auto again = parse_record(serialize(record));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*again, record);
    EXPECT_EQ(confinement_of(*again), (runtime::Confinement{{"/tmp", "/data"}, {8501}}));
}

TEST(Record, BytesThatAreNoTextDoNotBreakIt) {
    Record record = full_record();
    record.args = {"\xff\xfe"};
    EXPECT_TRUE(parse_record(serialize(record)));
}

TEST(Record, WhatIsNoRecordIsCorrupt) {
    for (std::string_view bad :
         {"", "{", "[]", "{}", R"({"version":3})", R"({"version":2})", R"({"version":1,"id":3})"}) {
        auto record = parse_record(bad);
        ASSERT_FALSE(record) << bad;
        EXPECT_EQ(record.error().code(), Code::corrupt);
    }
}

}  // namespace
}  // namespace crank::engine
