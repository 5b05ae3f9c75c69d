#include "registry/url.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

TEST(Url, ParsesAndPrints) {
    for (const char* text :
         {"https://registry.example/v2/", "http://127.0.0.1:5000/v2/a?b=c", "https://[::1]:5000/x"})
        EXPECT_EQ(Url::parse(text).value().str(), text);
    EXPECT_EQ(Url::parse("HTTPS://Host.Example").value().str(), "https://host.example/");
    EXPECT_EQ(Url::parse("https://host:443?a=b").value().str(), "https://host/?a=b");
}

TEST(Url, RefusesWhatReadersDisagreeAbout) {
    for (const char* text :
         {"", "ftp://host/", "file:///etc/passwd", "https://", "https://user@host/",
          "https://good\\@evil/", "https://host:0/", "https://host:99999/", "https://ho st/",
          "https://host/\r\nX: y", "https://host/#fragment", "https://[::1/", "https://h%6fst/"})
        EXPECT_FALSE(Url::parse(text)) << text;
}

TEST(Url, ResolvesLocations) {
    Url base = Url::parse("https://host:5000/v2/a/blobs/uploads/").value();
    EXPECT_EQ(base.resolve("/v2/b?x=1").value().str(), "https://host:5000/v2/b?x=1");
    EXPECT_EQ(base.resolve("//other/b").value().str(), "https://other/b");
    EXPECT_EQ(base.resolve("https://cdn.example/b").value().str(), "https://cdn.example/b");
    EXPECT_FALSE(base.resolve("gopher://host/"));
    EXPECT_FALSE(base.same_origin(Url::parse("https://host/").value()));
    EXPECT_FALSE(base.same_origin(Url::parse("http://host:5000/").value()));
}

TEST(Url, CredentialsGoToTheRegistrysOwnTokenService) {
    auto check = [](const char* registry, const char* realm) {
        return check_realm(Url::parse(registry).value(), Url::parse(realm).value()).has_value();
    };
    EXPECT_TRUE(check("https://registry-1.docker.io/", "https://auth.docker.io/token"));
    EXPECT_TRUE(check("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth"));
    EXPECT_TRUE(check("https://127.0.0.1:5000/", "https://127.0.0.1:5001/token"));
    EXPECT_TRUE(check("http://127.0.0.1:5000/", "http://127.0.0.1:5000/token"));
    EXPECT_FALSE(check("https://registry-1.docker.io/", "http://auth.docker.io/token"));
    EXPECT_FALSE(check("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token"));
    EXPECT_FALSE(check("https://registry.example/", "https://evil.test/token"));
    EXPECT_FALSE(check("https://a.co.uk/", "https://b.co.uk/token"));
    EXPECT_FALSE(check("https://127.0.0.1/", "https://10.0.0.1/token"));
    EXPECT_FALSE(check("https://registry/", "https://other/"));
}

TEST(Url, KnowsLoopback) {
    EXPECT_TRUE(is_loopback("localhost:5000"));
    EXPECT_TRUE(is_loopback("127.1.2.3"));
    EXPECT_TRUE(is_loopback("[::1]:5000"));
    EXPECT_FALSE(is_loopback("127.evil.test"));
    EXPECT_FALSE(is_loopback("localhost.evil.test"));
    EXPECT_EQ(api_host("docker.io"), "registry-1.docker.io");
}

}  // namespace
}  // namespace crank::registry
