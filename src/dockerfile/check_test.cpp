#include "dockerfile/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/instructions.h"

namespace crank::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "LINE RULE" of each finding.
std::vector<std::string> found_in(std::string_view text) {
    auto ast = parse_ast(text, "Dockerfile");
    if (!ast) return {ast.error().text()};
    std::vector<std::string> found;
    for (const Warning& warning : check_syntax(*ast))
        found.push_back(std::to_string(warning.span.line) + " " + std::string(warning.rule));
    return found;
}

TEST(DockerfileCheck, AFileWithoutFaultHasNoFindings) {
    EXPECT_THAT(found_in("FROM debian AS build\nARG VERSION=1\nWORKDIR /src\nWORKDIR sub\n"
                         "ENV MODE=fast PUBLIC_KEY=x\nEXPOSE 80/udp\nCMD [\"./run\"]\n"
                         "FROM build\nWORKDIR here\nHEALTHCHECK CMD ./check\n"
                         "SHELL [\"/bin/bash\", \"-c\"]\nENTRYPOINT ./run\n"),
                IsEmpty());
}

TEST(DockerfileCheck, NamesLettersAndStages) {
    EXPECT_THAT(found_in("FROM a as Build\nrun x\nRUN y\nFROM b AS scratch\nfrom c AS context\n"),
                ElementsAre("1 FromAsCasing", "1 StageNameCasing", "2 ConsistentInstructionCasing",
                            "4 ReservedStageName", "5 ConsistentInstructionCasing",
                            "5 FromAsCasing", "5 ReservedStageName"));
    EXPECT_THAT(found_in("from a as b\nrun x\nrun y\nRUN z\n"),
                ElementsAre("4 ConsistentInstructionCasing"));
    EXPECT_THAT(found_in("From a\nRUN x\n"), ElementsAre("1 ConsistentInstructionCasing"));
}

TEST(DockerfileCheck, Platforms) {
    EXPECT_THAT(found_in("FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/amd64 a\n"
                         "FROM --platform=$BUILDPLATFORM a\n"),
                ElementsAre("1 RedundantTargetPlatform", "2 FromPlatformFlagConstDisallowed"));
}

TEST(DockerfileCheck, WhatCountsOnceAndWhatAShellKeeps) {
    EXPECT_THAT(found_in("FROM a\nCMD x\nCMD [\"y\"]\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n"
                         "FROM a\nCMD [\"z\"]\n"),
                ElementsAre("2 JSONArgsRecommended", "2 MultipleInstructionsDisallowed",
                            "4 MultipleInstructionsDisallowed"));
}

TEST(DockerfileCheck, OldFormsPlacesAndSecrets) {
    EXPECT_THAT(
        found_in("FROM a\nENV MODE fast\nLABEL a b\nWORKDIR app\nEXPOSE 80/TCP\n"
                 "ARG API_TOKEN\nENV DB_PASSWORD=x TOKENIZER=y\n"),
        ElementsAre("2 LegacyKeyValueFormat", "3 LegacyKeyValueFormat", "4 WorkdirRelativePath",
                    "5 ExposeProtoCasing", "6 SecretsUsedInArgOrEnv", "7 SecretsUsedInArgOrEnv"));
}

TEST(DockerfileCheck, WarningsOfEveryBuildHaveTheirRules) {
    auto file = parse("FROM a AS x\nRUN a \\\n\n  b\nFROM b AS x\nCMD ['a']\n", "Dockerfile");
    ASSERT_TRUE(file) << file.error().text();
    std::vector<std::string_view> rules;
    for (const Warning& warning : file->warnings) rules.push_back(warning.rule);
    EXPECT_THAT(rules, testing::UnorderedElementsAre(rule::kNoEmptyContinuation,
                                                     rule::kDuplicateStageName, rule::kJsonArgs));
}

TEST(DockerfileCheck, ADirectiveLeavesRulesOut) {
    auto some = parse_check("skip=JSONArgsRecommended, StageNameCasing;error=true");
    ASSERT_TRUE(some);
    EXPECT_TRUE(some->skips(rule::kJsonArgs));
    EXPECT_TRUE(some->skips(rule::kStageNameCasing));
    EXPECT_FALSE(some->skips(rule::kSecrets));
    EXPECT_TRUE(parse_check("skip=all").value().skips(rule::kSecrets));
    auto bad = parse_check("omit=all");
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().text(), HasSubstr("unknown key \"omit\""));
}

}  // namespace
}  // namespace crank::dockerfile
