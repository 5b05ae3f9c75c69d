#include "store/contents.h"

#include "store/test_support.h"

namespace crank::store {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ContentsTest : public testing::Test {
protected:
    Image image(const std::vector<std::vector<Item>>& layers, const std::string& name) {
        std::vector<oci::Digest> ids;
        for (const auto& items : layers) {
            std::string tar = tar_of(items);
            write(temp / "layer.tar", tar);
            ids.push_back(must(store.import_tar(temp / "layer.tar", oci::Digest::of(tar))).diff_id);
        }
        return must(store.add_image(config_of(ids, name)));
    }
    TempDir temp;
    Store store = must(Store::open(temp / "store", OpenMode::read_write));
};

TEST_F(ContentsTest, compares_what_containers_would_see) {
    SKIP_UNLESS_ROOT();
    std::vector<Item> base{dir("d"), file("d/gone", "x"), file("kept", "k"), file("text", "old"),
                           symlink("link", "a")};
    Item executable = file("kept", "k");
    executable.entry.mode = 0755;
    Image one = image({base}, "1");
    Image two = image({base,
                       {dir("d"), file("d/.wh.gone", ""), file("new", "four"),
                        file("text", "longer"), symlink("link", "b")}},
                      "2");
    Image three = image({base, {executable}}, "3");
    std::vector<std::string> lines;
    for (const PathChange& change : must(compare(store, one, two)))
        lines.push_back(std::to_string(static_cast<int>(change.change)) + " " + change.path + " " +
                        std::to_string(change.before) + " " + std::to_string(change.after));
    EXPECT_THAT(lines, ElementsAre("1 d/gone 1 0", "2 link 0 0", "0 new 0 4", "2 text 3 6"));
    EXPECT_THAT(must(compare(store, one, one)), IsEmpty());
    auto modes = must(compare(store, one, three));
    ASSERT_THAT(modes, SizeIs(1));
    EXPECT_EQ(modes[0].path, "kept");
}

TEST_F(ContentsTest, says_what_is_big_hidden_twice_and_a_cache) {
    SKIP_UNLESS_ROOT();
    std::string big(9000, 'b'), other(5000, 'o');
    Image made = image({{file("big", big), file("copy", big), file("var/lib/apt/lists/x", "list"),
                         file("old", other), file("app/__pycache__/m.pyc", "pyc")},
                        {file("old", "new"), file(".wh.big", "")},
                        {file("again", big)}},
                       "1");
    Analysis found = must(analyze(store, made));
    EXPECT_EQ(found.visible, 9000 + 9000 + 4 + 3 + 3);
    ASSERT_THAT(found.hidden, SizeIs(2));
    EXPECT_EQ(found.hidden[0].path, "big");
    EXPECT_EQ(found.hidden[0].layer, 1);
    EXPECT_EQ(found.hidden_size, 14000);
    EXPECT_EQ(found.biggest.front().size, 9000);
    EXPECT_EQ(found.caches["apt package lists"], 4);
    EXPECT_EQ(found.caches["Python byte code (__pycache__)"], 3);
}

}  // namespace
}  // namespace crank::store
