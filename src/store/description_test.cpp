// What describes a layer, alone and as the difference to another layer's.
#include "store/description.h"

#include "store/recipe.h"
#include "store/test_support.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

using namespace test;
using testing::HasSubstr;

class DescriptionTest : public testing::Test {
protected:
    // An archive of many files; those whose number `own` divides are the variant's.
    static std::string archive(const std::string& variant, int own = 10, int count = 2000) {
        std::vector<Item> items;
        for (int i = 0; i < count; ++i)
            items.push_back(
                file("f" + std::to_string(i),
                     "content " + std::to_string(i * 7919 % 1000) + (i % own == 0 ? variant : "")));
        return tar_of(items);
    }
    Layer import(Store& store, const std::string& tar) {
        write(temp / "layer.tar", tar);
        return must(store.import_tar(temp / "layer.tar", oci::Digest::of(tar)));
    }
    std::string of(const Layer& layer, const std::string& name) const {
        return root + "/l/" + std::to_string(layer.number) + "/" + name;
    }
    static std::uint64_t size(const std::string& path) { return std::filesystem::file_size(path); }

    TempDir temp;
    std::string root = temp / "store";
};

TEST_F(DescriptionTest, a_layer_that_is_like_another_keeps_the_difference) {
    auto store = must(Store::open(root, OpenMode::read_write));
    std::string a = archive("a"), b = archive("b"), c = archive("c");
    Layer first = import(store, a), second = import(store, b), third = import(store, c);
    for (const char* name : {"recipe", "files"}) {
        EXPECT_FALSE(std::filesystem::exists(of(first, name) + std::string(".base")));
        for (const Layer& layer : {second, third}) {
            std::string base = of(layer, name) + ".base";
            EXPECT_TRUE(std::filesystem::equivalent(base, of(first, name))) << base;
            EXPECT_LT(size(of(layer, name)), size(base) / 2) << name;
        }
    }
    EXPECT_EQ(tar_again(store, first), a);
    EXPECT_EQ(tar_again(store, second), b);
    EXPECT_EQ(tar_again(store, third), c);
}

TEST_F(DescriptionTest, a_difference_outlives_the_layer_that_it_differs_from) {
    auto store = must(Store::open(root, OpenMode::read_write));
    std::string a = archive("a"), b = archive("b");
    Layer first = import(store, a), second = import(store, b);
    must(sys::remove_tree(root + "/l/" + std::to_string(first.number)));
    EXPECT_EQ(tar_again(store, second), b);
}

TEST_F(DescriptionTest, layers_that_are_not_alike_stand_for_themselves) {
    auto store = must(Store::open(root, OpenMode::read_write));
    (void)import(store, archive("a"));
    std::string b = archive("b", 1);
    Layer second = import(store, b);
    EXPECT_FALSE(std::filesystem::exists(of(second, "recipe.base")));
    EXPECT_EQ(tar_again(store, second), b);
}

TEST_F(DescriptionTest, damage_of_either_part_is_told) {
    auto store = must(Store::open(root, OpenMode::read_write));
    (void)import(store, archive("a"));
    Layer second = import(store, archive("b"));
    for (const char* name : {"recipe", "recipe.base"}) {
        std::string path = of(second, name), sound = read(path);
        std::string broken = sound;
        broken[broken.size() / 2] ^= 1;
        write(path, broken);
        EXPECT_THROW((void)tar_again(store, second), std::runtime_error) << name;
        write(path, sound.substr(0, sound.size() / 2));
        EXPECT_THROW((void)tar_again(store, second), std::runtime_error) << name;
        write(path, sound);
        (void)tar_again(store, second);
    }
}

// As store formats 3 to 6 wrote it.
TEST_F(DescriptionTest, a_recipe_of_an_older_store_is_read) {
    std::filesystem::create_directories(temp / "tree");
    write(temp / "tree/f", "content");
    auto tree = must(sys::open_dir(temp / "tree"));
    auto number = [](std::uint64_t value) {
        std::string out;
        for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
        return out;
    };
    auto record = [&](char tag, std::uint64_t value, const std::string& bytes) {
        return tag + number(value) + number(bytes.size()) + bytes;
    };
    auto replayed = [&](const std::string& recipe) -> Result<std::string> {
        TextSource source(recipe);
        std::string out;
        TRY(replay_recipe(source, tree.get(), [&](Bytes bytes) -> Result<> {
            out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return {};
        }));
        return out;
    };
    std::string recipe =
        record('S', 0, "head") + record('P', 7, "f") + record('S', 0, "tail") + record('E', 0, "");
    EXPECT_EQ(must(replayed(recipe)), "headcontenttail");
    EXPECT_THAT(text_of(replayed(record('P', 8, "f"))),
                HasSubstr("the layer's file f was changed"));
    EXPECT_THAT(text_of(replayed(record('X', 8, "f"))), HasSubstr("damaged"));
    EXPECT_THAT(text_of(replayed(recipe.substr(0, 30))), HasSubstr("cut short"));
}

}  // namespace
}  // namespace crank::store
