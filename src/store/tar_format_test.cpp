#include "store/tar_format.h"

#include "oci/digest.h"
#include "store/test_support.h"

namespace crank::store {
namespace {

TarEntry sample() {
    TarEntry entry;
    entry.path = "etc/passwd";
    entry.mode = 04755;
    entry.uid = 1000;
    entry.gid = 100;
    entry.size = 12;
    entry.mtime = 1'700'000'000;
    return entry;
}

TEST(TarFormat, writes_ustar_headers) {
    std::string header = encode_header(sample());
    ASSERT_EQ(header.size(), kTarBlock);
    EXPECT_STREQ(header.c_str(), "etc/passwd");
    EXPECT_EQ(header.substr(100, 8), std::string("0004755\0", 8));
    EXPECT_EQ(header.substr(108, 8), std::string("0001750\0", 8));
    EXPECT_EQ(header.substr(116, 8), std::string("0000144\0", 8));
    EXPECT_EQ(header.substr(124, 12), std::string("00000000014\0", 12));
    EXPECT_EQ(header.substr(136, 12), std::string("14524770400\0", 12));
    EXPECT_EQ(header[156], '0');
    EXPECT_EQ(header.substr(257, 8), std::string("ustar\0"
                                                 "00",
                                                 8));
    EXPECT_EQ(header.substr(265), std::string(64, '\0') +
                                      std::string("0000000\0"
                                                  "0000000\0",
                                                  16) +
                                      std::string(167, '\0'));
}

TEST(TarFormat, uses_pax_records_for_what_does_not_fit) {
    TarEntry entry = sample();
    entry.path = std::string(101, 'p');
    entry.link = std::string(101, 'l');
    entry.uid = 2'097'152;
    entry.gid = 4'000'000'000;
    entry.size = std::int64_t{1} << 33;
    entry.mtime = -1;
    entry.xattrs = {{"user.b", std::string("\0\n", 2)}, {"security.capability", "x"}};
    std::string header = encode_header(entry);
    ASSERT_EQ(header.size(), 3 * kTarBlock);
    std::string records = header.substr(512, 512);
    std::string expected =
        "38 SCHILY.xattr.security.capability=x\n"
        "26 SCHILY.xattr.user.b=" +
        std::string("\0\n", 2) + "\n" + "18 gid=4000000000\n" + "115 linkpath=" + entry.link +
        "\n" + "12 mtime=-1\n" + "111 path=" + entry.path + "\n" + "19 size=8589934592\n" +
        "15 uid=2097152\n";
    expected.resize(512, '\0');
    EXPECT_EQ(records, expected);
    EXPECT_EQ(header[156], 'x');
    EXPECT_EQ(header.substr(1024, 100), std::string(100, 'p'));
}

// The bytes are part of every image's identity.
TEST(TarFormat, is_golden) {
    TarEntry entry = sample();
    std::string all = encode_header(entry);
    entry.path = std::string(150, 'x') + "/";
    entry.kind = TarKind::dir;
    entry.size = 0;
    entry.xattrs = {{"user.a", "b"}};
    all += encode_header(entry);
    entry = {};
    entry.path = "dev/null";
    entry.kind = TarKind::char_device;
    entry.major = 1;
    entry.minor = 3;
    all += encode_header(entry);
    EXPECT_EQ(oci::Digest::of(all).hex(),
              "a382c24a3b9e1ee1ffe32e9c83f6f9910971c93314077f0ebeb89700e0b9c4b8");
}

}  // namespace
}  // namespace crank::store
