#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pki/authority_dir.h"
#include "pki/identity_dir.h"
#include "pki/x509.h"
#include "sys/file.h"

namespace crank::pki {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TimePoint now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

class CertificateDir : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "crank-pki.XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        top_ = pattern;
    }
    void TearDown() override { EXPECT_TRUE(sys::remove_tree(top_)); }

    std::string at(const std::string& path) const { return top_ + "/" + path; }
    static unsigned mode_of(const std::string& path) { return sys::stat(path)->mode & 07777U; }
    static Authority authority() { return Authority::create(now()).value(); }
    static Leaf leaf_of(const Authority& authority) {
        return authority.issue(plan_leaf({.name = "a", .dns = {}}, now()).value(), now()).value();
    }
    std::vector<std::string> issues() const {
        auto names = sys::list_dir(at("certs")).value();
        std::erase_if(names, [](const auto& name) { return !name.starts_with(".issued-"); });
        return names;
    }
    static bool pair_matches(const std::string& directory) {
        CertPtr certificate =
            certificate_from_pem(sys::read_file(directory + "/cert.pem").value()).value();
        KeyPtr key = key_from_pem(Secret(sys::read_file(directory + "/key.pem").value())).value();
        return X509_check_private_key(certificate.get(), key.get()) == 1;
    }
    std::string top_;
};

TEST_F(CertificateDir, AuthorityIsForItsOwnerAlone) {
    Authority made = authority();
    ASSERT_TRUE(save_authority(at("x/ca/"), made));
    EXPECT_EQ(mode_of(at("x/ca")), 0700U);
    EXPECT_EQ(mode_of(at("x/ca/ca-key.pem")), 0400U);
    EXPECT_EQ(mode_of(at("x/ca/ca.pem")), 0444U);
    auto loaded = load_authority(at("x/ca"));
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ(loaded->certificate_pem().value(), made.certificate_pem().value());
}

TEST_F(CertificateDir, ExistingAuthorityIsKept) {
    ASSERT_TRUE(save_authority(at("ca"), authority()));
    const std::string before = sys::read_file(at("ca/ca-key.pem")).value();
    auto again = save_authority(at("ca"), authority());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::already_exists);
    EXPECT_THAT(again.error().text(), HasSubstr("is kept"));
    EXPECT_EQ(sys::read_file(at("ca/ca-key.pem")).value(), before);
    EXPECT_THAT(sys::list_dir(top_).value(), ElementsAre(".ca.lock", "ca"));
}

TEST_F(CertificateDir, AuthorityNeedsAnEmptyDirectory) {
    ASSERT_TRUE(sys::make_dirs(at("empty")));
    EXPECT_TRUE(save_authority(at("empty"), authority()));
    ASSERT_TRUE(sys::make_dirs(at("full/of-something")));
    auto done = save_authority(at("full"), authority());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().text(), HasSubstr("is not empty"));
}

TEST_F(CertificateDir, AuthorityAfterAKillBeforeTheSwitch) {
    ASSERT_TRUE(sys::make_dirs(at(".ca.new")));
    ASSERT_TRUE(sys::write_file_atomic(at(".ca.new/ca-key.pem"), "half", 0400, sys::Sync::no));
    auto done = save_authority(at("ca"), authority());
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(load_authority(at("ca")));
    EXPECT_FALSE(sys::exists(at(".ca.new")));
}

TEST_F(CertificateDir, NoAuthority) {
    ASSERT_TRUE(sys::make_dirs(at("empty")));
    for (const auto* name : {"missing", "empty"}) {
        auto loaded = load_authority(at(name));
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error().code(), Code::not_found);
        EXPECT_THAT(loaded.error().text(), HasSubstr("no authority in " + at(name)));
        EXPECT_EQ(loaded.error().hint(), "crank certs init");
    }
}

TEST_F(CertificateDir, AuthorityKeyThatOthersCanRead) {
    ASSERT_TRUE(save_authority(at("ca"), authority()));
    const std::string key = sys::read_file(at("ca/ca-key.pem")).value();
    ASSERT_TRUE(sys::write_file_atomic(at("ca/ca-key.pem"), key, 0644, sys::Sync::no));
    auto loaded = load_authority(at("ca"));
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().text(), HasSubstr("others can read the key"));
    EXPECT_THAT(loaded.error().hint(), HasSubstr("chmod 0400"));
}

TEST_F(CertificateDir, IdentityCanBeReadByItsOwner) {
    Authority ca = authority();
    auto owner = sys::effective_uid() == 0 ? std::optional(sys::Owner{1000, 1000}) : std::nullopt;
    ASSERT_TRUE(save_identity(at("certs"), leaf_of(ca), ca.certificate_pem().value(), owner));
    EXPECT_EQ(mode_of(at("certs")), 0755U);
    EXPECT_EQ(mode_of(at("certs/.current")), 0755U);
    EXPECT_EQ(mode_of(at("certs/cert.pem")), 0400U);
    EXPECT_EQ(mode_of(at("certs/key.pem")), 0400U);
    EXPECT_EQ(mode_of(at("certs/ca.pem")), 0444U);
    EXPECT_TRUE(pair_matches(at("certs")));
    if (owner) {
        EXPECT_EQ(sys::stat(at("certs/key.pem"))->uid, 1000U);
        EXPECT_EQ(sys::stat(at("certs"))->uid, 0U);  // the worker cannot replace its identity
    }
}

TEST_F(CertificateDir, ReissueSwitchesAllThreeAtOnce) {
    Authority ca = authority();
    const std::string root = ca.certificate_pem().value();
    Leaf first = leaf_of(ca), second = leaf_of(ca), third = leaf_of(ca);
    ASSERT_TRUE(save_identity(at("certs"), first, root, std::nullopt));
    const std::string inside = sys::real_path(at("certs/.current")).value();
    ASSERT_TRUE(save_identity(at("certs"), second, root, std::nullopt));
    EXPECT_EQ(sys::read_file(at("certs/cert.pem")).value(), second.certificate);
    EXPECT_TRUE(pair_matches(at("certs")));
    EXPECT_TRUE(pair_matches(inside)) << "a reader between two files must find the old pair";
    ASSERT_TRUE(save_identity(at("certs"), third, root, std::nullopt));
    EXPECT_THAT(issues(), SizeIs(2));
    EXPECT_THAT(issues(), Not(Contains(".issued-" + first.serial)));
}

TEST_F(CertificateDir, ReissueAfterAKillBeforeTheSwitch) {
    Authority ca = authority();
    const std::string root = ca.certificate_pem().value();
    Leaf first = leaf_of(ca), second = leaf_of(ca);
    ASSERT_TRUE(save_identity(at("certs"), first, root, std::nullopt));
    ASSERT_TRUE(sys::make_dirs(at("certs/.issued-dead")));
    ASSERT_TRUE(sys::make_symlink(".issued-dead", at("certs/.current.new")));
    EXPECT_EQ(sys::read_file(at("certs/cert.pem")).value(), first.certificate);
    ASSERT_TRUE(save_identity(at("certs"), second, root, std::nullopt));
    EXPECT_EQ(sys::read_file(at("certs/cert.pem")).value(), second.certificate);
    EXPECT_THAT(issues(), Not(Contains(".issued-dead")));
    EXPECT_FALSE(sys::exists(at("certs/.current.new")));
}

TEST_F(CertificateDir, SomebodyElsesFilesAreKept) {
    ASSERT_TRUE(sys::make_dirs(at("certs")));
    ASSERT_TRUE(sys::write_file_atomic(at("certs/key.pem"), "mine", 0600, sys::Sync::no));
    Authority ca = authority();
    auto done = save_identity(at("certs"), leaf_of(ca), ca.certificate_pem().value(), std::nullopt);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Code::already_exists);
    EXPECT_THAT(done.error().text(), HasSubstr("was not issued by crank"));
    EXPECT_EQ(sys::read_file(at("certs/key.pem")).value(), "mine");
    EXPECT_THAT(issues(), SizeIs(0));
}

TEST_F(CertificateDir, IdentityNeedsADirectory) {
    ASSERT_TRUE(sys::write_file_atomic(at("certs"), "", 0600, sys::Sync::no));
    Authority ca = authority();
    auto done = save_identity(at("certs"), leaf_of(ca), ca.certificate_pem().value(), std::nullopt);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().text(), HasSubstr("is not a directory"));
}

}  // namespace
}  // namespace crank::pki
