#include "build/bootstrap.h"

#include <gtest/gtest.h>

#include "build/apt_sources.h"
#include "build/bytecode.h"
#include "build/rootfs.h"

namespace crank::build {
namespace {

TEST(Mirror, ComesFromOneLineStyle) {
    EXPECT_EQ(
        mirror_in("# deb http://commented/debian bookworm main\n"
                  "deb-src http://source/debian bookworm main\n"
                  "deb http://contrib/debian bookworm contrib\n"
                  "deb [arch=amd64 signed-by=/x] http://mirror/debian bookworm main non-free\n"
                  "deb http://second/debian bookworm main\n",
                  "bookworm"),
        "http://mirror/debian");
    EXPECT_EQ(mirror_in("deb http://mirror/debian trixie main\n", "bookworm"), std::nullopt);
    EXPECT_EQ(mirror_in("deb cdrom:[x]/ bookworm main\n", "bookworm"), std::nullopt);
    EXPECT_EQ(mirror_in("", "bookworm"), std::nullopt);
}

TEST(Mirror, ComesFromDeb822Style) {
    constexpr std::string_view text =
        "Types: deb\n"
        "Enabled: no\n"
        "URIs: http://off/debian\n"
        "Suites: bookworm\n"
        "Components: main\n"
        "\n"
        "# a comment\n"
        "Types: deb deb-src\n"
        "URIs: http://mirror/debian\n"
        "# another, inside\n"
        "Suites: bookworm\n"
        " bookworm-updates\n"
        "Components: main contrib\n"
        "\n"
        "Types: deb\nURIs: http://mirror/security\nSuites: bookworm-security\nComponents: main\n";
    EXPECT_EQ(mirror_in(text, "bookworm"), "http://mirror/debian");
    std::vector<AptSource> all = parse_apt_sources(text);
    EXPECT_EQ(sources_for(all, "bookworm"),
              (std::vector<AptSource>{{"http://mirror/debian", "bookworm"},
                                      {"http://mirror/debian", "bookworm-updates"},
                                      {"http://mirror/security", "bookworm-security"}}));
    EXPECT_TRUE(sources_for(all, "trixie").empty());
}

TEST(Rootfs, ReadsDpkgsStatus) {
    RootfsFacts facts = read_dpkg_status(
        "Package: libc6\nVersion: 2.36-9\n\n"
        "Package: python3-minimal\nStatus: install ok installed\nVersion: 1:3.11.2-1+b1\n\n");
    EXPECT_EQ(facts.packages, 2);
    EXPECT_EQ(facts.python_version, "3.11.2");
}

TEST(Bytecode, NamesItsInterpreter) {
    EXPECT_EQ(interpreter_of("usr/lib/__pycache__/x.cpython-311.pyc"), "python3.11");
    EXPECT_EQ(interpreter_of("a/__pycache__/x.y.cpython-39.opt-2.pyc"), "python3.9");
    EXPECT_EQ(interpreter_of("a/__pycache__/x.pypy39.pyc"), "");
    EXPECT_EQ(interpreter_of("a/__pycache__/x.cpython-311-pytest-7.pyc"), "");
    EXPECT_EQ(interpreter_of("a/__pycache__/x.pyc"), "");
    EXPECT_EQ(interpreter_of("a/__pycache__/.pyc"), "");
}

}  // namespace
}  // namespace crank::build
