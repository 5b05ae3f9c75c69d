// Archives that others wrote, and archives that nobody should have written.
#include "store/tar_reader.h"

#include <cstring>

#include "base/base64.h"
#include "store/test_support.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::store {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TextSource : public ByteSource {
public:
    // `piece`: at most so many bytes per read, as pipes give them.
    TextSource(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = std::min({out.size(), text_.size(), piece_});
        std::memcpy(out.data(), text_.data(), n);
        text_.remove_prefix(n);
        return n;
    }

private:
    std::string_view text_;
    std::size_t piece_;
};

struct Read {
    std::vector<TarEntry> entries;
    std::vector<std::string> contents;
};

Result<Read> read_tar(const std::string& bytes, std::size_t piece = 1000000,
                      const TarLimits& limits = {}) {
    TextSource source(bytes, piece);
    TarReader reader(source, limits, "the archive");
    Read out;
    while (auto entry = TRY(reader.next())) {
        out.entries.push_back(*entry);
        std::string& content = out.contents.emplace_back();
        std::vector<std::uint8_t> buffer(777);
        while (std::size_t n = TRY(reader.read(buffer)))
            content.append(reinterpret_cast<char*>(buffer.data()), n);
    }
    return out;
}

std::string with_checksum(std::string block) {
    std::memset(block.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (unsigned char c : block) sum += c;
    std::snprintf(block.data() + 148, 8, "%06o", sum);
    return block;
}

// A header of `items[0]`'s kind with bytes put over it.
std::string header(const Item& item, std::size_t at = 0, const std::string& bytes = "") {
    std::string block = encode_header(item.entry);
    block.replace(at, bytes.size(), bytes);
    return with_checksum(block);
}

std::string padded(std::string content) {
    content.resize((content.size() + 511) / 512 * 512);
    return content;
}

const std::string kEnd(1024, '\0');

std::string pax(const std::string& records, char type = 'x') {
    Item item = file("PaxHeaders/0", records);
    return header(item, 156, std::string(1, type)) + padded(records);
}

std::string record(const std::string& text) {
    std::size_t length = text.size() + 3;
    while (std::to_string(length).size() + text.size() + 2 != length) ++length;
    return std::to_string(length) + " " + text + "\n";
}

TEST(TarReader, reads_what_the_writer_writes_in_any_pieces) {
    Item long_one = file(std::string(300, 'p'), std::string(5000, 'c'));
    long_one.entry.uid = 3'000'000;
    long_one.entry.mtime = -5;
    long_one.entry.xattrs = {{"user.a", std::string("b\0c", 3)}};
    std::string tar = tar_of({dir("d/"), long_one, symlink("s", std::string(200, 't')),
                              file("empty", ""), device("n", TarKind::char_device, 1, 3)});
    for (std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{1} << 20}) {
        Read read = must(read_tar(tar, piece));
        ASSERT_THAT(read.entries, SizeIs(5));
        EXPECT_EQ(read.entries[1].path, long_one.entry.path);
        EXPECT_EQ(read.entries[1].uid, 3'000'000);
        EXPECT_EQ(read.entries[1].mtime, -5);
        EXPECT_EQ(read.entries[1].xattrs, long_one.entry.xattrs);
        EXPECT_EQ(read.contents[1], long_one.content);
        EXPECT_EQ(read.entries[2].link, std::string(200, 't'));
        EXPECT_EQ(read.entries[4].minor, 3u);
    }
}

// What GNU tar writes, in each of its formats.
TEST(TarReader, reads_what_gnu_tar_writes) {
    TempDir temp;
    std::string deep = std::string(90, 'a') + "/" + std::string(90, 'b');
    std::filesystem::create_directories(temp / ("t/" + deep));
    std::string name = "t/" + deep + "/" + std::string(60, 'c');
    write(temp / name, "content");
    std::filesystem::create_symlink(std::string(150, 'l'), temp / "t/link");
    for (const char* format : {"gnu", "pax", "posix", "oldgnu"}) {
        sys::SpawnRequest request{"/bin/tar",
                                  {"tar", "-C", temp.path(), "--format=" + std::string(format),
                                   "-cf", temp / "x.tar", "t"},
                                  {},
                                  {},
                                  {},
                                  false};
        ASSERT_EQ(must(sys::run_command(request)).status.code, 0);
        Read read = must(read_tar(test::read(temp / "x.tar")));
        bool found = false;
        for (std::size_t i = 0; i < read.entries.size(); ++i) {
            if (read.entries[i].path == name) {
                found = true;
                EXPECT_EQ(read.contents[i], "content");
                EXPECT_GT(read.entries[i].mtime, 1'700'000'000);
            }
            if (read.entries[i].path == "t/link") {
                EXPECT_EQ(read.entries[i].link, std::string(150, 'l'));
            }
        }
        EXPECT_TRUE(found) << format;
    }
}

TEST(TarReader, reads_the_variants_that_exist) {
    std::string content = padded("content");
    Item f = file("name", "content");
    // ustar's prefix, a number in base 256, the signed checksum, the type of 1979
    Read read = must(read_tar(header(f, 345, "some/prefix") + content + kEnd));
    EXPECT_EQ(read.entries.at(0).path, "some/prefix/name");
    std::string base256 = std::string("\x80\0\0\0\0\0\0\0\0\0\0\x07", 12);
    EXPECT_EQ(must(read_tar(header(f, 124, base256) + content + kEnd)).contents.at(0), "content");
    EXPECT_EQ(must(read_tar(header(f, 156, std::string(1, '\0')) + content + kEnd)).contents.at(0),
              "content");
    Item v7 = file("dir/", "");
    EXPECT_EQ(must(read_tar(header(v7, 257, std::string(8, '\0')) + kEnd)).entries.at(0).kind,
              TarKind::dir);
    // a comment for the whole archive, as git writes it; the end of the file as the archive's
    read = must(read_tar(pax(record("comment=abc"), 'g') + header(f) + content));
    EXPECT_EQ(read.entries.at(0).path, "name");
    // fractions of seconds, also before 1970
    read = must(read_tar(pax(record("mtime=12.5")) + header(f) + content +
                         pax(record("mtime=-1.25")) + header(f) + content + kEnd));
    EXPECT_EQ(read.entries.at(0).mtime, 12);
    EXPECT_EQ(read.entries.at(0).mtime_ns, 500'000'000u);
    EXPECT_EQ(read.entries.at(1).mtime, -2);
    EXPECT_EQ(read.entries.at(1).mtime_ns, 750'000'000u);
    EXPECT_THAT(must(read_tar("")).entries, IsEmpty());
    EXPECT_THAT(must(read_tar(kEnd + std::string(9000, '\0'))).entries, IsEmpty());
}

struct Bad {
    std::string what, bytes, names;
    Code code = Code::corrupt;
};

TEST(TarReader, refuses_what_readers_disagree_about) {
    Item f = file("name", "content");
    std::string content = padded("content");
    std::string good = header(f) + content;
    std::string flipped = good;
    flipped[0] ^= 1;
    Item sized_link = symlink("s", "t");
    Item null = device("null", TarKind::char_device, 1, 3);
    std::string huge = "\x80" + std::string(3, '\0') + "\x7f" + std::string(7, '\xff');
    for (const Bad& c : {
             Bad{"a wrong checksum", flipped + kEnd, "checksum"},
             Bad{"no octal number", header(f, 124, "0000000000x") + content, "octal"},
             Bad{"a negative size", header(f, 124, std::string(12, '\xff')), "negative"},
             Bad{"a size of 2^63",
                 header(f, 124, "\x80" + std::string(3, '\0') + std::string(8, '\xff')), "range"},
             Bad{"a size near 2^63", header(f, 124, huge), "more than", Code::exhausted},
             Bad{"a truncated header", good.substr(0, 100), "header"},
             Bad{"a truncated payload", good.substr(0, 515), "short"},
             Bad{"a truncated padding", good.substr(0, 700), "short"},
             Bad{"one zero block", good + std::string(512, '\0') + good + kEnd, "zero block"},
             Bad{"data after the end", good + kEnd + good, "follows"},
             Bad{"no name", header(file("", "")) + kEnd, "no name"},
             Bad{"a sparse file", header(f, 156, "S") + content, "type 83", Code::unsupported},
             Bad{"a multi-volume header", header(f, 156, "M") + content, "type", Code::unsupported},
             Bad{"a link with content", header(sized_link, 124, "00000001000") + content, "size"},
             Bad{"an owner of 2^32 - 1", pax(record("uid=4294967295")) + good, "user id"},
             Bad{"a device of 2^32 + 1", header(null, 329, std::string("\x80\0\0\1\0\0\0\1", 8)),
                 "device number"},
             Bad{"a minor number of 21 bits", header(null, 337, "4000000"), "device number"},
             Bad{"a time of -2^63",
                 header(f, 136, std::string(4, '\xff') + "\x80" + std::string(7, '\0')), "time"},
             Bad{"pax: another size", pax(record("size=512")) + good, "different sizes"},
             Bad{"pax: size 0", pax(record("size=0")) + good, "different sizes"},
             Bad{"pax: a negative size", pax(record("size=-1")) + good, "size"},
             Bad{"pax: a sparse file", pax(record("GNU.sparse.major=1")) + good, "sparse",
                 Code::unsupported},
             Bad{"pax: twice the same", pax(record("path=a") + record("path=b")) + good, "twice"},
             Bad{"pax: two headers", pax(record("path=a")) + pax(record("path=b")) + good,
                 "two pax"},
             Bad{"pax: no entry", pax(record("path=a")) + kEnd, "no entry"},
             Bad{"pax: no entry, no end", pax(record("path=a")), "no entry"},
             Bad{"pax: a length that is too long", pax("99 path=a\n") + good, "malformed"},
             Bad{"pax: a length that is too short", pax("5 path=a\n") + good, "malformed"},
             Bad{"pax: no length", pax("path=a\n") + good, "malformed"},
             Bad{"pax: no newline", pax("10 path=abc") + good, "malformed"},
             Bad{"pax: no equals sign", pax("9 pathab\n") + good, "malformed"},
             Bad{"pax: no key", pax("5 =a\n") + good, "malformed"},
             Bad{"pax: a leading zero", pax("010 path=a\n") + good, "malformed"},
             Bad{"pax: an empty path", pax(record("path=")) + good, "path"},
             Bad{"pax: a NUL in a path", pax(record(std::string("path=a\0b", 8))) + good, "path"},
             Bad{"pax: no time", pax(record("mtime=x")) + good, "mtime"},
             Bad{"pax: a long path", pax(record("path=" + std::string(4096, 'a'))) + good, ""},
             Bad{"a global header with a path", pax(record("path=a"), 'g') + good, "global",
                 Code::unsupported},
             Bad{"two long names", pax("a", 'L') + pax("b", 'L') + good, "two long"},
             Bad{"a long name and a pax path", pax(record("path=a")) + pax("b", 'L') + good,
                 "disagree"},
             Bad{"an extension of 1 GiB", header(file("x", ""), 124, "10000000000") + kEnd, ""},
             Bad{"a pax header of 1 GiB",
                 with_checksum(header(file("x", ""), 124, "10000000000").replace(156, 1, "x")),
                 "1 MiB"},
         }) {
        auto result = read_tar(c.bytes);
        ASSERT_FALSE(result) << c.what;
        EXPECT_EQ(result.error().code(), c.code) << c.what << ": " << text_of(result);
        EXPECT_THAT(text_of(result), HasSubstr(c.names)) << c.what;
    }
}

TEST(TarReader, keeps_its_limits) {
    TarLimits limits;
    limits.entries = 2;
    EXPECT_EQ(code_of(read_tar(tar_of({file("a", ""), file("b", ""), file("c", "")}), 512, limits)),
              Code::exhausted);
    limits = {};
    limits.payload = 5;
    EXPECT_EQ(code_of(read_tar(tar_of({file("a", "123"), file("b", "456")}), 512, limits)),
              Code::exhausted);
}

TEST(Decompress, stops_a_bomb) {
    std::string big(3 << 20, '\0');
    for (const std::string& bytes : {gzip(big), zstd(big)}) {
        auto source = must(decompress(std::make_unique<TextSource>(bytes, 100), 1 << 20, "it"));
        EXPECT_EQ(code_of(copy_all(*source, [](Bytes) { return Result<>(); })), Code::exhausted);
    }
}

TEST(Decompress, joins_members_and_refuses_damage) {
    auto plain = [](const std::string& bytes) -> Result<std::string> {
        auto source = TRY(decompress(std::make_unique<TextSource>(bytes, 7), 1 << 20, "it"));
        return read_all(*source, 1 << 20, "it");
    };
    for (auto compress : {gzip, zstd}) {
        std::string one = compress("one"), two = compress("two");
        EXPECT_EQ(must(plain(one + two)), "onetwo");
        EXPECT_EQ(code_of(plain(one + "junk")), Code::corrupt);
        EXPECT_EQ(code_of(plain(one.substr(0, one.size() - 1))), Code::corrupt);
        std::string damaged = compress("head" + std::string(1000, 'x') + "tail");
        for (std::size_t i = 4; i < damaged.size(); ++i) damaged[i] ^= 0x55;
        EXPECT_EQ(code_of(plain(damaged)), Code::corrupt);
    }
    EXPECT_EQ(must(plain("plain text")), "plain text");
    EXPECT_EQ(must(plain("")), "");
    EXPECT_EQ(must(plain("BZh91 is a name")), "BZh91 is a name");
}

// Two streams in a row, by Python's lzma and bz2: "content of an archive", three lines.
const std::string kXz = *base64_decode(
    "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAVY29udGVudCBvZiBhbiBhcmNoaXZlCgAAAKbKMR5uc5E/AAEuFlYJVd8f"
    "tvN9AQAAAAAEWVr9N3pYWgAABObWtEYCACEBFgAAAHQv5aPgACsAG10AMZvKGdrtpPK7fFvh9SPGLS30jqhqjJFaynAA"
    "AACK0udWj/hfEwABNyz8eVmCH7bzfQEAAAAABFla");
const std::string kBzip2 = *base64_decode(
    "QlpoOTFBWSZTWSHDLDQAAAPRgAAQQAArYZUAIAAiJo8oZkIBoAB+jC6w7SQoi4eC7kinChIEOGWGgEJaaDkxQVkmU1l/"
    "rHUPAAAH0YAAEEAAK2GVACAAMQDQAFVQeUG9JS3yLI8YpjSIin61NGNi7kinChIP9Y6h4A==");
// Its dictionary would take 512 MiB.
const std::string kLargeXz = *base64_decode(
    "/Td6WFoAAATm1rRGAgAhASIAAACCQKzcAQAAeAAAAABFru+D+O4WCgABGQGlLIHMH7bzfQEAAAAABFla");

TEST(Decompress, reads_xz_and_bzip2_of_archives_alone) {
    auto plain = [](const std::string& bytes, Formats accepted = Formats::of_archives,
                    std::int64_t limit = 100) -> Result<std::string> {
        auto source =
            TRY(decompress(std::make_unique<TextSource>(bytes, 7), limit, "it", accepted));
        return read_all(*source, 1 << 20, "it");
    };
    std::string line = "content of an archive\n";
    for (const std::string& bytes : {kXz, kBzip2}) {
        EXPECT_EQ(must(plain(bytes)), line + line + line);
        EXPECT_EQ(code_of(plain(bytes, Formats::of_images)), Code::unsupported);
        EXPECT_EQ(code_of(plain(bytes, Formats::of_archives, 60)), Code::exhausted);
        EXPECT_EQ(code_of(plain(bytes + "junk")), Code::corrupt);
        EXPECT_EQ(code_of(plain(bytes.substr(0, bytes.size() - 1))), Code::corrupt);
        std::string damaged = bytes;
        for (std::size_t i = 8; i < damaged.size(); ++i) damaged[i] ^= 0x55;
        EXPECT_EQ(code_of(plain(damaged)), Code::corrupt);
    }
    EXPECT_EQ(code_of(plain(kLargeXz)), Code::exhausted);
}

}  // namespace
}  // namespace crank::store
