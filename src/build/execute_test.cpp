#include "build/execute.h"

#include <gtest/gtest.h>

#include "build/image_config.h"

namespace crank::build {
namespace {

using Lines = std::vector<std::string>;

TEST(OutputTail, KeepsTheLastLines) {
    OutputTail tail;
    for (int i = 1; i <= 60; ++i) tail.add(std::to_string(i) + "\n");
    Lines lines = tail.lines();
    ASSERT_EQ(lines.size(), OutputTail::kMaxLines);
    EXPECT_EQ(lines.front(), "11");
    EXPECT_EQ(lines.back(), "60");
}

TEST(OutputTail, JoinsWhatComesInPieces) {
    OutputTail tail;
    tail.add("on");
    tail.add("e\n\ntw");
    EXPECT_EQ(tail.lines(), (Lines{"one", "", "tw"}));
    tail.add("o\n");
    EXPECT_EQ(tail.lines(), (Lines{"one", "", "two"}));
}

TEST(OutputTail, CutsLongLines) {
    OutputTail tail;
    for (int i = 0; i < 100; ++i) tail.add(std::string(1000, 'x'));
    tail.add("\nnext");
    EXPECT_EQ(tail.lines()[0].size(), OutputTail::kMaxLine);
    EXPECT_EQ(tail.lines()[1], "next");
}

struct Applied {
    oci::ImageConfig image;
    std::vector<std::string> history;
};

// All instructions of a stage that stands on an image with a CMD of its own.
Applied apply(const std::string& instructions) {
    auto file = dockerfile::parse("FROM base\n" + instructions, "Dockerfile");
    auto spec = dockerfile::lower(*file, {});
    auto state = dockerfile::StageState::of_image({}, "", "", {}, {});
    auto stage = dockerfile::lower_stage(*spec, 0, state);
    EXPECT_TRUE(stage) << stage.error().text();
    ConfigState config;
    config.image.config.cmd = {"inherited"};
    for (const dockerfile::Step& step : stage->steps)
        apply_step(config, step, *stage, false, kDefaultEpoch);
    Applied applied{config.image, {}};
    for (const oci::HistoryEntry& entry : config.image.history)
        applied.history.push_back(entry.created_by);
    return applied;
}

TEST(ImageConfig, EntrypointClearsAnInheritedCommandAndNotItsOwn) {
    EXPECT_EQ(apply("ENTRYPOINT [\"a\"]").image.config.cmd, Lines{});
    EXPECT_EQ(apply("CMD [\"own\"]\nENTRYPOINT [\"a\"]").image.config.cmd, Lines{"own"});
    EXPECT_EQ(apply("USER x").image.config.cmd, Lines{"inherited"});
}

TEST(ImageConfig, LaterDefinitionsReplaceEarlierOnes) {
    oci::ContainerConfig config =
        apply("ENV A=1 B=2\nENV A=3\nLABEL k=1\nLABEL k=2\nEXPOSE 80\nEXPOSE 80/tcp 53/udp")
            .image.config;
    EXPECT_EQ(config.env, (Lines{"A=3", "B=2"}));
    EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"k", "2"}}));
    EXPECT_EQ(config.exposed_ports, (Lines{"53/udp", "80/tcp"}));
}

TEST(ImageConfig, HistorySaysWhatWasDone) {
    EXPECT_EQ(apply("ARG V=1\nRUN make\nCOPY --chown=a:b x y /z/\nCMD [\"c\", \"d\"]").history,
              (Lines{"ARG V=1", "RUN |1 V=1 /bin/sh -c make", "COPY --chown=a:b x y /z/",
                     "CMD [\"c\" \"d\"]"}));
    EXPECT_EQ(apply("USER x").image.history[0].created, "1980-01-02T00:00:00Z");
}

}  // namespace
}  // namespace crank::build
