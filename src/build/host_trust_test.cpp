#include "build/host_trust.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "build/pip_config.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::build {
namespace {

TEST(PipConfig, ReadsWhatConfigparserReads) {
    PipSettings settings = parse_pip_config(
        "# comment\n"
        "[global]\n"
        "index-url = https://index.example/simple\n"
        "timeout: 60\n"
        "find_links =\n"
        "    /opt/wheels\n"
        "    https://wheels.example/\n"
        "[freeze]\n"
        "timeout = 10\n"
        "[install]\n"
        "no-index = true\n"
        "index-url=https://install.example/simple\n"
        "nonsense\n");
    EXPECT_EQ(settings.get("index-url"), "https://install.example/simple");
    EXPECT_EQ(settings.get("default-timeout"), "60");
    EXPECT_EQ(settings.get("find-links"), "/opt/wheels https://wheels.example/");
    EXPECT_EQ(settings.get("no-index"), "true");
    EXPECT_EQ(settings.values().size(), 4U);
}

TEST(PipConfig, KnowsLoopback) {
    for (const char* url :
         {"http://localhost:3141/", "https://user:pw@127.0.0.1/simple", "http://[::1]:80/",
          "127.0.0.1:3128", "http://a.example http://LOCALHOST"})
        EXPECT_TRUE(names_loopback(url)) << url;
    for (const char* url : {"https://index.example/simple", "http://10.0.0.1:3128",
                            "http://localhost.example", "https://localhost@example.org/"})
        EXPECT_FALSE(names_loopback(url)) << url;
}

class Trust : public testing::Test {
protected:
    void SetUp() override {
        directory = *sys::make_temp_dir("/tmp/crank-trust.");
        (void)sys::make_dirs(directory + "/wheels");
        std::ofstream(directory + "/ca.pem") << "bundle";
        std::ofstream(directory + "/pip.conf")
            << "[global]\nindex-url = https://index.example/simple\ntrusted-host = index.example\n";
        environment = {{"HOME", directory},
                       {"PIP_CONFIG_FILE", directory + "/pip.conf"},
                       {"PIP_CERT", directory + "/ca.pem"}};
    }
    void TearDown() override { (void)sys::remove_tree(directory); }
    HostTrust collect() { return *collect_host_trust(environment); }
    static bool has(const HostTrust& trust, const std::string& entry) {
        return std::ranges::find(trust.env, entry) != trust.env.end();
    }

    std::string directory;
    std::map<std::string, std::string> environment;
};

TEST_F(Trust, LendsIndexBundleAndWheels) {
    environment["PIP_FIND_LINKS"] = directory + "/wheels " + directory + "/missing";
    HostTrust trust = collect();
    EXPECT_TRUE(has(trust, "PIP_INDEX_URL=https://index.example/simple"));
    EXPECT_TRUE(has(trust, "PIP_TRUSTED_HOST=index.example"));
    EXPECT_TRUE(has(trust, "PIP_CERT=/run/crank/ca.crt"));
    EXPECT_TRUE(has(trust, "SSL_CERT_FILE=/run/crank/ca.crt"));
    EXPECT_TRUE(has(trust, "PIP_FIND_LINKS=/run/crank/find-links/0"));
    EXPECT_EQ(trust.mounts,
              (std::vector<HostTrustMount>{{directory + "/ca.pem", "/run/crank/ca.crt"},
                                           {directory + "/wheels", "/run/crank/find-links/0"}}));
    EXPECT_TRUE(trust.left_out.empty());
    EXPECT_TRUE(std::ranges::is_sorted(trust.env));
}

TEST_F(Trust, LetsTheEnvironmentWin) {
    environment["PIP_INDEX_URL"] = "https://other.example/simple";
    EXPECT_TRUE(has(collect(), "PIP_INDEX_URL=https://other.example/simple"));
}

TEST_F(Trust, GivesProxiesInBothCases) {
    environment["https_proxy"] = "http://proxy.example:3128";
    environment["NO_PROXY"] = "localhost,.example";
    HostTrust trust = collect();
    EXPECT_TRUE(has(trust, "https_proxy=http://proxy.example:3128"));
    EXPECT_TRUE(has(trust, "HTTPS_PROXY=http://proxy.example:3128"));
    EXPECT_TRUE(has(trust, "no_proxy=localhost,.example"));
    EXPECT_TRUE(has(trust, "NO_PROXY=localhost,.example"));
}

TEST_F(Trust, NamesWhatAContainerCannotReach) {
    environment["http_proxy"] = "http://127.0.0.1:3128";
    environment["PIP_INDEX_URL"] = "http://localhost:3141/root/pypi";
    HostTrust trust = collect();
    EXPECT_EQ(trust.left_out, (std::vector<std::string>{"http_proxy", "PIP_INDEX_URL"}));
    for (const std::string& entry : trust.env)
        EXPECT_FALSE(entry.starts_with("HTTP_PROXY=") || entry.starts_with("PIP_INDEX_URL="));
}

TEST_F(Trust, PassesNothingElseOn) {
    environment["AWS_SECRET_ACCESS_KEY"] = "secret";
    environment["PIP_PASSWORD"] = "secret";
    for (const std::string& entry : collect().env)
        EXPECT_EQ(entry.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace crank::build
