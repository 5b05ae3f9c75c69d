#include "oci/users.h"

#include <gtest/gtest.h>

namespace crank::oci {
namespace {

const UserFiles kFiles{
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken:x:many:0::/:\n"
    "short:x:7\n"
    "4712:x:0:0::/root:/bin/sh\n"
    "odd:x:1002:1002::relative:/bin/sh\n"
    "worker:x:1000:1001::/home/worker:/bin/sh\n",
    "root:x:0:\n"
    "staff:x:50:other,worker\n"
    "video:x:44:worker\n"
    "worker:x:1001:\n"};

TEST(Users, ResolvesWhatUserMayBe) {
    EXPECT_EQ(*resolve_user("", kFiles), (UserEntry{0, 0, {}, "/root"}));
    EXPECT_EQ(*resolve_user("worker", kFiles), (UserEntry{1000, 1001, {44, 50}, "/home/worker"}));
    EXPECT_EQ(*resolve_user("1000", kFiles), (UserEntry{1000, 1001, {44, 50}, "/home/worker"}));
    EXPECT_EQ(*resolve_user("worker:staff", kFiles), (UserEntry{1000, 50, {}, "/home/worker"}));
    EXPECT_EQ(*resolve_user("4711", kFiles), (UserEntry{4711, 0, {}, "/"}));
    EXPECT_EQ(*resolve_user("4711:12", kFiles), (UserEntry{4711, 12, {}, "/"}));
    EXPECT_EQ(*resolve_user(":44", kFiles), (UserEntry{0, 44, {}, "/root"}));
    EXPECT_EQ(*resolve_user("odd", kFiles), (UserEntry{1002, 1002, {}, "/"}));
    EXPECT_EQ(*resolve_user("", UserFiles{}), (UserEntry{0, 0, {}, "/"}));
}

// CVE-2016-3697: an image whose passwd names somebody "4712" must not turn that id into root.
TEST(Users, DigitsAreNeverAName) {
    EXPECT_EQ(*resolve_user("4712", kFiles), (UserEntry{4712, 0, {}, "/"}));
    EXPECT_EQ(*resolve_owner("4712", kFiles), (Owner{4712, 4712}));
    EXPECT_EQ(*resolve_user("odd:7", UserFiles{kFiles.passwd, "7:x:0:\n"}),
              (UserEntry{1002, 7, {}, "/"}));
}

TEST(Users, ALineWithANulIsNone) {
    using namespace std::string_literals;
    UserFiles files{"app:x:5:5::/home\0LD_PRELOAD=/x:/bin/sh\n"s, "\0\nstaff:x:9\0:\n"s};
    EXPECT_EQ(resolve_user("app", files).error().code(), Code::not_found);
    EXPECT_EQ(*resolve_user("5", files), (UserEntry{5, 0, {}, "/"}));
    EXPECT_EQ(resolve_user("5:staff", files).error().code(), Code::not_found);
}

// Files are read in place: the last line needs no end, and fields may be empty or too many.
TEST(Users, ReadsFieldsAsTheyStand) {
    UserFiles files{
        "\n\n::::::\na:x:1:2::/a\nb:::4::/b:\nc:x:3:4:::sh:more:more\nlast:x:5:6::/last",
        "::7:a\nnone:x:8\ntwo:x:9:,a,\nlist:x:10:ab,ba,b\nlast:x:11:c,last"};
    EXPECT_EQ(*resolve_user("a", files), (UserEntry{1, 2, {9}, "/a"}));
    EXPECT_EQ(resolve_user("b", files).error().code(), Code::not_found);
    EXPECT_EQ(*resolve_user("c", files), (UserEntry{3, 4, {11}, "/"}));
    EXPECT_EQ(*resolve_user("last", files), (UserEntry{5, 6, {11}, "/last"}));
    EXPECT_EQ(*resolve_user("a:none", files), (UserEntry{1, 8, {}, "/a"}));
    EXPECT_EQ(*resolve_user("a:last", files), (UserEntry{1, 11, {}, "/a"}));
}

TEST(Users, ResolvesOwners) {
    EXPECT_EQ(*resolve_owner("worker:worker", kFiles), (Owner{1000, 1001}));
    EXPECT_EQ(*resolve_owner("worker", kFiles), (Owner{1000, 1001}));
    EXPECT_EQ(*resolve_owner("12", kFiles), (Owner{12, 12}));
    EXPECT_EQ(*resolve_owner("12:staff", kFiles), (Owner{12, 50}));
}

TEST(Users, NamesWhatIsWrong) {
    EXPECT_EQ(resolve_user("nobody", kFiles).error().text(),
              "the image has no user nobody in /etc/passwd");
    EXPECT_EQ(resolve_user("worker:nogroup", kFiles).error().text(),
              "the image has no group nogroup in /etc/group");
    EXPECT_EQ(resolve_user("2147483648", kFiles).error().text(),
              "user id 2147483648 is out of range");
    EXPECT_EQ(resolve_user("0:2147483648", kFiles).error().text(),
              "group id 2147483648 is out of range");
    EXPECT_EQ(resolve_user("-1", kFiles).error().code(), Code::not_found);
    EXPECT_EQ(resolve_user("99999999999999999999", kFiles).error().code(), Code::invalid_argument);
    for (const char* text : {":", "worker:", ":staff", "a:b:c"})
        EXPECT_EQ(resolve_owner(text, kFiles).error().code(), Code::invalid_argument) << text;
    // A line that does not fit the format names nobody.
    EXPECT_EQ(resolve_user("broken", kFiles).error().code(), Code::not_found);
    EXPECT_EQ(resolve_user("short", kFiles).error().code(), Code::not_found);
}

}  // namespace
}  // namespace crank::oci
