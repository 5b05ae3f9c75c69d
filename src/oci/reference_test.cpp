#include "oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci {
namespace {

using testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

struct Good {
    std::string text, domain, repository, tag, familiar;
};

TEST(Reference, normalises_as_docker_does) {
    for (const Good& c : {
             Good{"python", "docker.io", "library/python", "latest", "python:latest"},
             Good{"python:3.11-slim", "docker.io", "library/python", "3.11-slim",
                  "python:3.11-slim"},
             Good{"library/python", "docker.io", "library/python", "latest", "python:latest"},
             Good{"docker.io/python", "docker.io", "library/python", "latest", "python:latest"},
             Good{"index.docker.io/python", "docker.io", "library/python", "latest",
                  "python:latest"},
             Good{"docker.io/quay.io/app", "docker.io", "quay.io/app", "latest",
                  "docker.io/quay.io/app:latest"},
             Good{"docker.io/localhost/app:v1", "docker.io", "localhost/app", "v1",
                  "docker.io/localhost/app:v1"},
             Good{"user/app:v1", "docker.io", "user/app", "v1", "user/app:v1"},
             Good{"docker.io/library/a/b", "docker.io", "library/a/b", "latest",
                  "library/a/b:latest"},
             Good{"localhost/crank/python:x", "localhost", "crank/python", "x",
                  "localhost/crank/python:x"},
             Good{"localhost:5000/app", "localhost:5000", "app", "latest",
                  "localhost:5000/app:latest"},
             Good{"127.0.0.1:5000/a__b/c---d:_t.1-x", "127.0.0.1:5000", "a__b/c---d", "_t.1-x",
                  "127.0.0.1:5000/a__b/c---d:_t.1-x"},
             Good{"[::1]:5000/app:v1", "[::1]:5000", "app", "v1", "[::1]:5000/app:v1"},
             Good{"Foo/bar", "Foo", "bar", "latest", "Foo/bar:latest"},
             Good{"ghcr.io/a/b@" + kDigest, "ghcr.io", "a/b", "", "ghcr.io/a/b@" + kDigest},
             Good{"a:t@" + kDigest, "docker.io", "library/a", "t", "a:t@" + kDigest},
         }) {
        auto reference = Reference::parse(c.text);
        ASSERT_TRUE(reference) << c.text << ": " << reference.error().text();
        EXPECT_EQ(reference->domain, c.domain) << c.text;
        EXPECT_EQ(reference->repository, c.repository) << c.text;
        EXPECT_EQ(reference->tag, c.tag) << c.text;
        EXPECT_EQ(reference->familiar(), c.familiar) << c.text;
        EXPECT_EQ(Reference::parse(reference->str()), *reference) << c.text;
        EXPECT_EQ(Reference::parse(reference->familiar()), *reference) << c.text;
    }
}

TEST(Reference, refuses_with_the_rule_that_is_broken) {
    struct Bad {
        std::string text, rule;
    };
    for (const Bad& c : {
             Bad{"", "empty"},
             Bad{"Python", "lower case"},
             Bad{"user/App", "lower case"},
             Bad{"python:", "tag"},
             Bad{"python:a b", "tag"},
             Bad{"python:.x", "tag"},
             Bad{"python:" + std::string(129, 'a'), "tag"},
             Bad{"a//b", "separated"},
             Bad{"/a", "separated"},
             Bad{"a/", "separated"},
             Bad{"a___b", "separated"},
             Bad{"a..b", "separated"},
             Bad{"-a", "separated"},
             Bad{"a/../b", "separated"},
             Bad{"python ", "separated"},
             Bad{"localhost:x/a", "host name"},
             Bad{"-a.b/c", "host name"},
             Bad{"a..b/c", "host name"},
             Bad{"[fe80::1%lo]:5000/a", "host name"},  // a zone: proxies match it in different ways
             Bad{"localhost/", "empty"},
             Bad{kHex, "by id"},
             Bad{"a@sha256:12", "digest"},
             Bad{"a@", "digest"},
             Bad{"a/" + std::string(256, 'b'), "255"},
         }) {
        auto reference = Reference::parse(c.text);
        ASSERT_FALSE(reference) << c.text;
        EXPECT_EQ(reference.error().code(), Code::invalid_argument) << c.text;
        EXPECT_THAT(reference.error().text(), HasSubstr(c.rule)) << c.text;
    }
}

TEST(Reference, tells_ids_from_names) {
    EXPECT_TRUE(looks_like_id("ba78"));
    EXPECT_TRUE(looks_like_id(kHex));
    EXPECT_TRUE(looks_like_id(kDigest));
    EXPECT_FALSE(looks_like_id(""));
    EXPECT_FALSE(looks_like_id("sha256:"));
    EXPECT_FALSE(looks_like_id("python"));
    EXPECT_FALSE(looks_like_id(kHex + "a"));
}

}  // namespace
}  // namespace crank::oci
