#include "build/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::build {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ChangesTest, each_instruction_changes_its_part) {
    const std::vector<std::string> changes{
        "ENV A=1 B=2",         "env PATH=$A:/bin", "CMD [\"sh\", \"-c\"]", "ENTRYPOINT /start $A",
        "EXPOSE 8501",         "LABEL x=y",        "USER worker",          "WORKDIR /app",
        "WORKDIR sub",         "VOLUME /data",     "STOPSIGNAL SIGINT",    "ONBUILD RUN make",
        "HEALTHCHECK CMD true"};
    auto config = apply_changes({}, changes);
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_THAT(config->env, ElementsAre("A=1", "B=2", "PATH=1:/bin"));
    EXPECT_THAT(config->cmd, ElementsAre("sh", "-c"));
    EXPECT_THAT(config->entrypoint, ElementsAre("/bin/sh", "-c", "/start $A"));
    EXPECT_THAT(config->exposed_ports, ElementsAre("8501/tcp"));
    EXPECT_EQ(config->labels.at("x"), "y");
    EXPECT_EQ(config->user, "worker");
    EXPECT_EQ(config->working_dir, "/app/sub");
    EXPECT_THAT(config->volumes, ElementsAre("/data"));
    EXPECT_EQ(config->stop_signal, "SIGINT");
    EXPECT_THAT(config->on_build, ElementsAre("RUN make"));
    EXPECT_THAT(config->healthcheck.value().test, ElementsAre("CMD-SHELL", "true"));
}

TEST(ChangesTest, what_changes_no_configuration_is_refused) {
    struct Bad {
        std::string change, names;
    };
    for (const Bad& c : {
             Bad{"RUN make", "RUN changes no configuration"},
             Bad{"COPY a b", "COPY changes no configuration"},
             Bad{"ARG a", "ARG changes no configuration"},
             Bad{"FROM scratch", "FROM"},
             Bad{"CDM x", "CDM"},
             Bad{"", "no instruction"},
             Bad{"# remark", "no instruction"},
             Bad{"CMD a\nRUN b", "one line"},
             Bad{"ENV", "ENV"},
         }) {
        auto config = apply_changes({}, std::vector{c.change});
        ASSERT_FALSE(config) << c.change;
        EXPECT_EQ(config.error().code(), Code::invalid_argument) << c.change;
        EXPECT_THAT(config.error().text(), HasSubstr(c.names));
        EXPECT_THAT(config.error().text(), HasSubstr("--change '" + c.change + "'"));
    }
}

}  // namespace
}  // namespace crank::build
