#include "registry/registries_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/toml.h"

namespace crank::registry {
namespace {

oci::Reference ref(const char* text) { return oci::Reference::parse(text).value(); }

RegistriesConf conf(std::string_view text) {
    RegistriesConf out;
    auto added = out.add(text, "registries.conf");
    EXPECT_TRUE(added) << (added ? "" : added.error().text());
    return out;
}

std::string places(const RegistriesConf& conf, const char* reference) {
    auto found = conf.endpoints(ref(reference));
    if (!found) return found.error().text();
    std::string text;
    for (const Endpoint& e : *found)
        text += (text.empty() ? "" : " ") + e.domain + "|" + e.repository +
                (e.insecure ? "!" : "") + (e.mirror ? "~" : "");
    return text;
}

constexpr const char* kText = R"(
# comment
unqualified-search-registries = ["quay.example", 'registry.example:5000',
  "docker.io"]  # more
short-name-mode = "enforcing"

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example/hub"
insecure = true

[[registry]]
location = "plain.example:5000"
insecure = true

[[registry]]
prefix = "docker.io/secret"
blocked = true

[[registry]]
prefix = "*.corp.example"
location = "proxy.example/corp"

[aliases]
"fedora" = "registry.fedoraproject.example/fedora"
)";

TEST(RegistriesConf, LeadsNames) {
    RegistriesConf c = conf(kText);
    EXPECT_EQ(places(c, "docker.io/library/python"),
              "mirror.example|hub/library/python!~ docker.io|library/python");
    EXPECT_EQ(places(c, "plain.example:5000/a/b"), "plain.example:5000|a/b!");
    EXPECT_EQ(places(c, "other.example/a"), "other.example|a");
    EXPECT_EQ(places(c, "docker.io/secret/x"), "registries.conf blocks docker.io/secret");
    EXPECT_EQ(places(c, "docker.io/secretive/x"),
              "mirror.example|hub/secretive/x!~ docker.io|secretive/x");
    EXPECT_EQ(places(c, "a.corp.example/x"), "proxy.example|corp/x");
    EXPECT_EQ(places({}, "python"), "docker.io|library/python");
}

TEST(RegistriesConf, ShortNames) {
    RegistriesConf c = conf(kText);
    auto names = [&](const char* typed) {
        std::string text;
        for (const auto& r : c.candidates(typed, ref(typed))) text += r.str() + " ";
        return text;
    };
    EXPECT_EQ(names("fedora:40"), "registry.fedoraproject.example/fedora:40 ");
    EXPECT_EQ(names("app:1"),
              "quay.example/app:1 registry.example:5000/app:1 docker.io/library/app:1 ");
    EXPECT_EQ(names("docker.io/library/app:1"), "docker.io/library/app:1 ");
    EXPECT_EQ(names("ghcr.example/a/b:1"), "ghcr.example/a/b:1 ");
    EXPECT_EQ(RegistriesConf().candidates("app", ref("app")).front().str(),
              "docker.io/library/app:latest");
}

TEST(RegistriesConf, CredentialHelpers) {
    EXPECT_THAT(RegistriesConf().credential_helpers(),
                testing::ElementsAre("containers-auth.json"));
    RegistriesConf c = conf("credential-helpers = [\"keeper\", \"containers-auth.json\"]");
    EXPECT_THAT(c.credential_helpers(), testing::ElementsAre("keeper", "containers-auth.json"));
    EXPECT_TRUE(conf("credential-helpers = []").credential_helpers().empty());
}

TEST(RegistriesConf, NamesWhatIsWrong) {
    auto error = [](std::string_view text) {
        auto added = RegistriesConf().add(text, "f");
        return added ? "no error" : added.error().text();
    };
    EXPECT_EQ(error("[[registry]]\ninsecure = \"yes\"\nlocation = \"a\""),
              "f: table at line 1: 'insecure' is not true or false");
    EXPECT_EQ(error("credential-helpers = \"a\""),
              "f: table at line 1: 'credential-helpers' is not a list");
    EXPECT_EQ(error("credential-helpers = [\"../a\"]"),
              "f: table at line 1: 'credential-helpers' has a name that is none");
    EXPECT_EQ(error("[[registry]]\n"), "f: table at line 1: 'location' and 'prefix' are missing");
    EXPECT_EQ(error("a = \"unfinished"), "f: line 1: a text has no end");
    EXPECT_EQ(error("a = 1 2"), "f: line 1: something stands after the value");
    EXPECT_EQ(error("\n\na = 1\na = 2"), "f: line 4: the name stands twice in one table");
    EXPECT_EQ(error("[registries.search]\nregistries = []"),
              "f: it has version 1, crank reads version 2");
    EXPECT_EQ(error("[a"), "f: line 1: ']' is missing");
    EXPECT_EQ(error("x = [1]"), "f: line 1: a text is expected in the list");
    EXPECT_EQ(error("x = [\"a\" \"b\"]"), "f: line 1: ',' or ']' is expected");
    EXPECT_EQ(error("x = \"\"\"a\"\"\""), "f: line 1: texts of several lines are not read");
    for (char c : {'\0', '\r', '\x1f', '\x7f'})
        EXPECT_EQ(error("x = \"/a" + std::string(1, c) + "b\""),
                  "f: line 1: a text holds a control character");
    EXPECT_EQ(error("x = \"a\tb\""), "no error");
    EXPECT_EQ(error(std::string(2 << 20, '#')), "f: it is larger than 1 MiB");
}

}  // namespace
}  // namespace crank::registry
