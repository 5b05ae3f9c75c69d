// The world of this room's tests: a network namespace of their own, so that the host's devices,
// rules and ports are neither seen nor touched.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "network/network.h"
#include "sys/file.h"
#include "sys/netns.h"

namespace crank::network {

// A directory that goes with the object.
class Scratch {
public:
    Scratch() {
        const char* parent = std::getenv("TMPDIR");
        std::string pattern =
            std::string(parent != nullptr ? parent : "/tmp") + "/crank-net.XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        if (!path_.empty()) (void)sys::remove_tree(path_);
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

class NamespaceTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto entered = sys::enter_new_network_namespace();
        if (!entered) {
            const char* strict = std::getenv("CRANK_TEST_STRICT");
            if (strict != nullptr && std::string(strict) == "1")
                FAIL() << "needs root: " << entered.error().text();
            GTEST_SKIP() << "needs root: " << entered.error().text();
        }
        auto own = sys::current_network_namespace();
        ASSERT_TRUE(own);
        host_ = std::move(*own);
        ASSERT_TRUE(bring_up_loopback(host_.get()));
        // A new namespace inherits this one from the machine, where crank may have switched it on.
        ASSERT_TRUE(sys::write_knob("/proc/sys/net/ipv4/ip_forward", "0"));
    }

    sys::UniqueFd host_;  // the namespace that plays the host
};

}  // namespace crank::network
