// What crank makes of compose files is what the reference implementation makes of them
// (testdata/README.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "compose/test_files.h"
#include "compose/write.h"

namespace crank::compose {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

fs::path testdata() { return fs::path(CRANK_SOURCE_DIR) / "src/compose/testdata"; }

MemoryFiles files_of(const fs::path& folder) {
    MemoryFiles files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            files.texts["/project/" + entry.path().lexically_relative(folder).string()] =
                text_of(entry.path());
    return files;
}

class ComposeVectors : public testing::TestWithParam<std::string> {
protected:
    Result<Project> read(MemoryFiles files) {
        LoadOptions options{.files = {"/project/compose.yaml"},
                            .directory = "/project",
                            .environment = {{"FROM_PROCESS", "process"}, {"HOME", "/home/worker"}},
                            .home = "/home/worker"};
        if (files.exists("/project/over.yaml")) options.files.push_back("/project/over.yaml");
        std::istringstream profiles(files.texts["/project/profiles"]);
        for (std::string name; profiles >> name;) options.profiles.push_back(name);
        return load(options, files, diagnostics_);
    }

    fs::path folder_ = testdata() / GetParam();
    Diagnostics diagnostics_;
};

TEST_P(ComposeVectors, MeanWhatTheReferenceSays) {
    auto project = read(files_of(folder_));
    ASSERT_TRUE(project) << project.error().text();
    EXPECT_EQ(to_json(printable(*project, Format::json), Dollars::doubled) + "\n",
              text_of(folder_ / "expected.json"));
}

TEST_P(ComposeVectors, WhatIsPrintedMeansTheSameAgain) {
    auto project = read(files_of(folder_));
    ASSERT_TRUE(project) << project.error().text();
    MemoryFiles printed;
    printed.texts["/project/profiles"] = text_of(folder_ / "profiles");
    Node whole = printable(*project, Format::yaml);
    for (const std::string& text :
         {to_yaml(whole, Dollars::doubled), to_json(whole, Dollars::doubled)}) {
        printed.texts["/project/compose.yaml"] = text;
        auto again = read(printed);
        ASSERT_TRUE(again) << again.error().text() << "\n" << text;
        EXPECT_EQ(to_json(printable(*again, Format::yaml), Dollars::kept),
                  to_json(whole, Dollars::kept));
    }
}

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(testdata()))
        if (entry.is_directory() && fs::exists(entry.path() / "compose.yaml"))
            names.push_back(entry.path().filename().string());
    return names;
}

INSTANTIATE_TEST_SUITE_P(All, ComposeVectors, testing::ValuesIn(cases()), [](const auto& test) {
    std::string name = test.param;
    std::erase(name, '-');
    return name;
});

}  // namespace
}  // namespace crank::compose
