#include "engine/local/probe_processes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/text.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

std::vector<pid_t> everybody() {
    std::vector<pid_t> pids;
    for (const std::string& name : *sys::list_dir("/proc"))
        if (auto number = parse_int(name)) pids.push_back(static_cast<pid_t>(*number));
    return pids;
}

// A child, a grandchild in a session of its own, and one whose parent is gone.
TEST(ProbeProcesses, AreFoundWhereverTheyHaveGoneTo) {
    std::string mark = "CRANK_PROBE=test" + std::to_string(::getpid());
    sys::SpawnRequest request{
        .path = "/bin/sh",
        .args = {"sh", "-c",
                 "setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; exec sleep 300"},
        .env = {"PATH=/usr/bin:/bin", mark}};
    request.new_session = true;
    sys::Child child = *sys::spawn(request);
    auto count = [&] { return processes_of_probe(everybody(), child.pid(), mark).size(); };
    constexpr std::size_t kAll = 5;
    for (int i = 0; i < 500 && count() < kAll; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_GE(count(), kAll - 1);  // a shell may have become its last command
    kill_probe(child.pid(), mark, everybody);
    EXPECT_TRUE(child.wait_for(std::chrono::seconds(10)).value().has_value());
    EXPECT_EQ(count(), 0U);
}

}  // namespace
}  // namespace crank::engine::local
