#include "exchange/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::exchange {
namespace {

using testing::HasSubstr;

Source parsed(std::string_view text) {
    auto source = parse_source(text);
    EXPECT_TRUE(source) << text << ": " << source.error().text();
    EXPECT_TRUE(source && *source) << text;
    return source && *source ? **source : Source();
}

TEST(SourceTest, reads_what_skopeo_and_podman_read) {
    EXPECT_EQ(parsed("oci:/srv/layout"), (Source{Transport::oci, "/srv/layout", "", ""}));
    EXPECT_EQ(parsed("oci:layout:1.2"), (Source{Transport::oci, "layout", "", "1.2"}));
    EXPECT_EQ(parsed("oci:layout:example.org/x:1.2"),
              (Source{Transport::oci, "layout", "", "example.org/x:1.2"}));
    EXPECT_EQ(parsed("oci-archive:a.tar:x"), (Source{Transport::oci_archive, "a.tar", "", "x"}));
    EXPECT_EQ(parsed("docker-archive:a.tar:worker:1.0"),
              (Source{Transport::docker_archive, "a.tar", "", "worker:1.0"}));
    EXPECT_EQ(parsed("dir:/a:b"), (Source{Transport::dir, "/a:b", "", ""}));
    EXPECT_EQ(parsed("docker-daemon:worker:1"),
              (Source{Transport::docker_daemon, "", "", "worker:1"}));
    EXPECT_EQ(parsed("docker://worker:1"), (Source{Transport::docker_daemon, "", "", "worker:1"}));
    EXPECT_EQ(parsed("docker://"), (Source{Transport::docker_daemon, "", "", ""}));
    EXPECT_EQ(parsed("containers-storage:localhost/worker"),
              (Source{Transport::containers_storage, "", "", "localhost/worker"}));
    EXPECT_EQ(parsed("containers-storage:[overlay@/srv/s+/run/s:o=1]worker"),
              (Source{Transport::containers_storage, "/srv/s", "overlay", "worker"}));
    EXPECT_EQ(parsed("containers-storage:[/srv/s]"),
              (Source{Transport::containers_storage, "/srv/s", "", ""}));
}

TEST(SourceTest, what_begins_with_no_transport_is_a_file) {
    for (const char* text : {"root.tar", "-", "/a/b.tar.gz", "ocr:x", "./oci:x"}) {
        auto source = parse_source(text);
        ASSERT_TRUE(source);
        EXPECT_FALSE(*source) << text;
    }
}

TEST(SourceTest, says_what_is_wrong) {
    struct Bad {
        const char *text, *names;
    };
    for (const Bad& c : {Bad{"oci:", "names no file"}, Bad{"oci-archive::x", "names no file"},
                         Bad{"dir:", "names no directory"}, Bad{"docker:worker", "docker://NAME"},
                         Bad{"containers-storage:[overlay@/x", "without ']'"},
                         Bad{"containers-storage:[overlay@x]y", "no absolute path"}}) {
        auto source = parse_source(c.text);
        ASSERT_FALSE(source) << c.text;
        EXPECT_EQ(source.error().code(), Code::usage) << c.text;
        EXPECT_THAT(source.error().text(), HasSubstr(c.names));
        EXPECT_THAT(source.error().text(), HasSubstr(c.text));
    }
}

}  // namespace
}  // namespace crank::exchange
