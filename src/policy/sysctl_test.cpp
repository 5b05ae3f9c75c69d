#include "policy/sysctl.h"

#include <gtest/gtest.h>

namespace crank::policy {
namespace {

constexpr OwnNamespaces kAll{true, true, true};

std::string error_of(std::string_view name, OwnNamespaces own = kAll) {
    auto checked = check_sysctl(name, own);
    return checked ? "allowed" : checked.error().text();
}

TEST(Sysctl, SettingsOfOwnNamespacesAreAllowed) {
    for (const char* name : {"net.ipv4.ip_unprivileged_port_start", "net.core.somaxconn",
                             "kernel.shmmax", "fs.mqueue.msg_max", "kernel.domainname"})
        EXPECT_EQ(error_of(name), "allowed") << name;
}

TEST(Sysctl, SettingsOfTheHostAreRefused) {
    for (const char* name : {"kernel.core_pattern", "kernel.modprobe", "vm.overcommit_memory",
                             "fs.suid_dumpable", "kernel.shmmax2", "fs.mqueue", "kernel.sem.x"})
        EXPECT_EQ(error_of(name),
                  "sysctl \"" + std::string(name) + "\" is a setting of the whole host");
}

TEST(Sysctl, SharedNamespacesAreTheHosts) {
    EXPECT_EQ(error_of("net.core.somaxconn", {.ipc = true, .uts = true}),
              "sysctl \"net.core.somaxconn\" belongs to the network namespace, which the container "
              "shares with the host");
    EXPECT_EQ(error_of("kernel.sem", {.network = true, .uts = true}),
              "sysctl \"kernel.sem\" belongs to the ipc namespace, which the container shares with "
              "the host");
}

TEST(Sysctl, NamesCannotLeadOutOfTheirDirectory) {
    for (const char* name : {"", ".", "net", "net.", ".net.core", "net..core", "net./etc/passwd",
                             "net.../../etc/passwd", "net/core/somaxconn", "net.core.a b"})
        EXPECT_EQ(error_of(name),
                  "sysctl \"" + std::string(name) + "\" is not a name like net.core.somaxconn");
}

}  // namespace
}  // namespace crank::policy
