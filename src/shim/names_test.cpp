#include "shim/names.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace crank::shim {
namespace {

namespace fs = std::filesystem;

const std::string kMail(64, 'a'), kWeb(64, 'b');

class Names : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "crank-names.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        dir_ = pattern;
        file_ = dir_ + "/networks";
    }
    void TearDown() override { fs::remove_all(dir_); }

    void link(const std::string& target, const std::string& path) {
        fs::create_directories(fs::path(path).parent_path());
        fs::create_symlink(target, path);
    }
    // The container `id` has `name` and an address on the network of that directory.
    void add(const std::string& network, const std::string& id, const std::string& name,
             const std::string& address, const std::string& address6 = "") {
        std::string at = dir_ + "/" + network;
        std::string target = id + (address6.empty() ? "" : " " + address6);
        link(id, at + "/leases/" + address);
        link(target, at + "/names/" + name + "/" + address);
        link(id + " " + name, at + "/reverse/" + address);
    }
    void write(const std::string& text) { std::ofstream(file_) << text; }
    std::string line(const std::string& network) {
        return "network " + network + " " + dir_ + "/" + network + "\n";
    }
    Found find(const std::string& name) {
        Found found;
        find_name(file_.c_str(), name.c_str(), found);
        return found;
    }

    std::string dir_, file_;
};

TEST_F(Names, OfOneNetworkAreFoundAndThoseOfAnotherNot) {
    add("front", kMail, "mail", "10.205.0.2", "fd00::2");
    add("back", kWeb, "web", "10.205.1.2");
    write(line("front"));
    Found found = find("mail");
    ASSERT_TRUE(found.known);
    ASSERT_EQ(found.count4, 1U);
    EXPECT_EQ(found.v4[0][3], 2);
    ASSERT_EQ(found.count6, 1U);
    EXPECT_EQ(found.v6[0][15], 2);
    EXPECT_TRUE(find("mail.front").known);
    EXPECT_FALSE(find("mail.back").known);
    EXPECT_FALSE(find("web").known);
    EXPECT_FALSE(find("web.back").known);
    write(line("front") + line("back"));
    EXPECT_TRUE(find("web").known);
}

TEST_F(Names, SeveralContainersMayHaveOne) {
    add("front", kMail, "db", "10.205.0.2");
    add("front", kWeb, "db", "10.205.0.3");
    write(line("front"));
    EXPECT_EQ(find("db").count4, 2U);
}

TEST_F(Names, OfAServiceMeansItsAddressAlone) {
    for (int last : {2, 3, 9}) {
        bool service = last == 3;
        add("front", service ? "service-0" : std::string(64, static_cast<char>('0' + last)), "db",
            "10.205.0." + std::to_string(last), service ? "" : "fd00::" + std::to_string(last));
    }
    write(line("front"));
    Found found = find("db");
    ASSERT_EQ(found.count4, 1U);
    EXPECT_EQ(found.v4[0][3], 3);
    EXPECT_EQ(found.count6, 0U);
}

TEST_F(Names, WhomAServiceLeadsToIsKnown) {
    write(line("front"));
    EXPECT_FALSE(is_led_to(file_.c_str(), kMail.c_str()));
    fs::create_directories(dir_ + "/front/services");
    std::ofstream(dir_ + "/front/services/service-0")
        << "project p\nname db\naddress 10.205.0.3\nbackend " << kMail << " 10.205.0.2\n";
    EXPECT_TRUE(is_led_to(file_.c_str(), kMail.c_str()));
    EXPECT_FALSE(is_led_to(file_.c_str(), kWeb.c_str()));
    EXPECT_FALSE(is_led_to(file_.c_str(), kMail.substr(1).c_str()));
}

TEST_F(Names, WhatNoLeaseConfirmsSaysNothing) {
    add("front", kMail, "mail", "10.205.0.2");
    write(line("front"));
    std::string lease = dir_ + "/front/leases/10.205.0.2";
    fs::remove(lease);
    EXPECT_FALSE(find("mail").known);
    fs::create_symlink(kWeb, lease);  // another has the address by now
    EXPECT_FALSE(find("mail").known);
    char name[256];
    EXPECT_FALSE(find_address(file_.c_str(), "10.205.0.2", name, sizeof name));
}

TEST_F(Names, NoNameLeadsOutOfItsDirectory) {
    add("front", kMail, "mail", "10.205.0.2");
    write(line("front"));
    for (const char* bad : {"", ".", "..", "../leases", "/etc", "mail/", ".front"})
        EXPECT_FALSE(find(bad).known) << bad;
}

TEST_F(Names, AddressesLeadBack) {
    add("front", kMail, "mail", "10.205.0.2");
    write(line("front"));
    char name[256];
    ASSERT_TRUE(find_address(file_.c_str(), "10.205.0.2", name, sizeof name));
    EXPECT_STREQ(name, "mail.front");
    EXPECT_FALSE(find_address(file_.c_str(), "10.205.0.3", name, sizeof name));
    EXPECT_FALSE(find_address(file_.c_str(), "10.205.0.2", name, 5));
}

TEST_F(Names, OthersAreAskedWhereTheFileSaysSo) {
    EXPECT_FALSE(asks_others(file_.c_str()));  // there is none
    write(line("front"));
    EXPECT_FALSE(asks_others(file_.c_str()));
    write("port 40000\nask\n" + line("front"));
    EXPECT_TRUE(asks_others(file_.c_str()));
}

TEST_F(Names, LinesThatAreTooLongAreLeftOut) {
    add("front", kMail, "mail", "10.205.0.2");
    write("network " + std::string(20000, 'x') + "\nnetwork\nnonsense\n" + line("front") + "ask");
    EXPECT_TRUE(find("mail").known);
    EXPECT_FALSE(asks_others(file_.c_str()));  // its line has no end
}

TEST_F(Names, WhatIsItsOwnIsDropped) {
    add("front", kMail, "mail", "10.205.0.2");
    add("front", kWeb, "web", "10.205.0.3");
    std::string at = dir_ + "/front";
    write("drop " + at + "/leases/10.205.0.2\ndrop " + at + "/names/mail/10.205.0.2\ndrop " + at +
          "/leases/10.205.0.3\ndrop " + at + "/names/web/10.205.0.3\ndrop /nowhere\n");
    drop_links(file_.c_str(), kMail.c_str());
    EXPECT_FALSE(fs::exists(at + "/names/mail"));
    EXPECT_FALSE(fs::is_symlink(at + "/leases/10.205.0.2"));
    EXPECT_TRUE(fs::is_symlink(at + "/leases/10.205.0.3"));
    EXPECT_TRUE(fs::is_symlink(at + "/names/web/10.205.0.3"));
}

}  // namespace
}  // namespace crank::shim
