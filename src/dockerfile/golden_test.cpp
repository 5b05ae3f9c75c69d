// Every testdata/NAME.Dockerfile is parsed and lowered, and what comes out (steps, warnings, or the
// error) must be testdata/NAME.expected. CRANK_GOLDEN_UPDATE=1 writes the .expected files instead.
//
// Lines "# test: build-arg A=b", "# test: target NAME" and "# test: base-env A=b" in the file are
// the options of the build; every base image has that environment.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "base/units.h"
#include "dockerfile/lower.h"

namespace crank::dockerfile {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    }
    return out + '"';
}

std::string words(const std::vector<std::string>& list) {
    std::string out = "[";
    for (const std::string& word : list) out += (out.size() > 1 ? ", " : "") + quoted(word);
    return out + "]";
}

std::string pairs(const std::vector<KeyValue>& list) {
    std::string out;
    for (const KeyValue& pair : list) out += " " + pair.key + "=" + quoted(pair.value);
    return out;
}

std::string origin(const Origin& from) {
    if (const auto* stage = std::get_if<StageRef>(&from))
        return "stage " + std::to_string(stage->index);
    if (const auto* image = std::get_if<ImageRef>(&from)) return "image " + image->image;
    if (const auto* other = std::get_if<ContextRef>(&from)) return "context " + other->name;
    return "context";
}

std::string base(const Base& from) {
    if (const auto* stage = std::get_if<StageRef>(&from))
        return "stage " + std::to_string(stage->index);
    if (const auto* image = std::get_if<ImageRef>(&from)) return "image " + image->image;
    if (const auto* other = std::get_if<ContextRef>(&from)) return "context " + other->name;
    return "scratch";
}

struct Dump {
    std::string operator()(const RunStep& step) const {
        std::string out = words(step.argv);
        if (step.script) out += " script " + step.script->path + " " + quoted(step.script->content);
        for (std::size_t i = 0; i < step.mounts.size(); ++i) {
            out += " mount[" + std::to_string(static_cast<int>(step.mounts[i].type)) + " " +
                   origin(step.mount_origins[i]) + " " + quoted(step.mounts[i].source) + " -> " +
                   quoted(step.mounts[i].target) + (step.mounts[i].read_only ? " ro" : "") + "]";
        }
        if (!step.network.empty()) out += " network " + step.network;
        return out;
    }
    std::string operator()(const TransferStep& step) const {
        std::string out = words(step.sources) + " from " + origin(step.origin) + " to " + step.dest;
        for (const InlineFile& file : step.files)
            out += " file " + file.name + " " + quoted(file.content);
        if (!step.chown.empty()) out += " chown " + step.chown;
        if (step.chmod) out += " chmod " + step.chmod->text();
        if (step.link) out += " link";
        if (step.parents) out += " parents";
        if (!step.excludes.empty()) out += " exclude " + words(step.excludes);
        if (!step.checksum.empty()) out += " checksum " + step.checksum;
        return out;
    }
    std::string operator()(const Env& step) const { return "set" + pairs(step.pairs); }
    std::string operator()(const Label& step) const { return "set" + pairs(step.pairs); }
    std::string operator()(const Arg& step) const {
        std::string out = "set";
        for (const Arg::Item& item : step.items)
            out += " " + item.name + (item.value ? "=" + quoted(*item.value) : "");
        return out;
    }
    std::string operator()(const WorkdirStep& step) const { return step.path; }
    std::string operator()(const User& step) const { return step.user; }
    std::string operator()(const CommandStep& step) const {
        return words(step.argv) + (step.clears_cmd ? " clears CMD" : "");
    }
    std::string operator()(const HealthcheckStep& step) const {
        return words(step.test) + " interval " + format_duration(step.interval) + " timeout " +
               format_duration(step.timeout) + " start " + format_duration(step.start_period) +
               " retries " + std::to_string(step.retries);
    }
    std::string operator()(const Expose& step) const { return words(step.ports); }
    std::string operator()(const Shell& step) const { return words(step.words); }
    std::string operator()(const StopSignal& step) const { return step.signal; }
    std::string operator()(const Volume& step) const { return words(step.paths); }
    std::string operator()(const Onbuild& step) const { return quoted(step.trigger); }
    std::string operator()(const Maintainer& step) const { return quoted(step.name); }
};

struct Options {
    BuildOptions build;
    std::vector<std::string> base_env;
};

Options options_of(const std::string& text) {
    Options out;
    for (const std::string& line : split(text, '\n')) {
        constexpr std::string_view kMark = "# test: ";
        if (!line.starts_with(kMark)) continue;
        std::string rest(trim(std::string_view(line).substr(kMark.size())));
        std::string value = rest.substr(rest.find(' ') + 1);
        if (rest.starts_with("target ")) out.build.target = value;
        if (rest.starts_with("base-env ")) out.base_env.push_back(value);
        if (rest.starts_with("context "))
            out.build.contexts[value.substr(0, value.find('='))] =
                value.substr(value.find('=') + 1);
        if (rest.starts_with("build-arg "))
            out.build.build_args[value.substr(0, value.find('='))] =
                value.substr(value.find('=') + 1);
    }
    return out;
}

std::string dump_stage(const LoweredStage& stage) {
    std::string out;
    for (const Step& step : stage.steps) {
        out += std::to_string(step.span.line);
        if (step.span.end_line != step.span.line) out += "-" + std::to_string(step.span.end_line);
        out += ": " + step.name + (step.onbuild ? " (trigger) " : " ") +
               std::visit(Dump{}, step.body) + "\n";
        if (step.name != "RUN") continue;
        out += "    in " + step.workdir + " as " + quoted(step.user) + " with" +
               pairs(stage.environment(step).entries());
        if (auto args = stage.arguments(step); !args.empty()) out += "; args" + pairs(args);
        out += "\n";
    }
    for (const Warning& warning : stage.warnings) out += "warning: " + warning.message() + "\n";
    return out;
}

Result<std::string> dump_build(const std::string& text, const std::string& name) {
    Options options = options_of(text);
    Dockerfile file = TRY(parse(text, name));
    BuildSpec spec = TRY(lower(file, options.build));
    std::string out;
    for (const Warning& warning : spec.warnings) out += "warning: " + warning.message() + "\n";
    std::vector<StageState> ends(spec.stages.size());
    std::vector<std::string> declared;
    for (const StageSpec& stage : spec.stages) {
        out += "stage " + std::to_string(stage.index) + " " + quoted(stage.display_name()) +
               " on " + base(stage.base) +
               (stage.platform.empty() ? "" : " platform " + stage.platform) +
               (stage.needed ? "" : " not needed") + "\n";
        if (!stage.needed) continue;
        StageState begin = StageState::of_image(options.base_env, "", "", {}, {});
        if (const auto* ref = std::get_if<StageRef>(&stage.base)) begin = ends[ref->index];
        LoweredStage lowered = TRY(lower_stage(spec, stage.index, begin));
        out += dump_stage(lowered);
        std::ranges::copy(lowered.end.declared_args, std::back_inserter(declared));
        ends[stage.index] = lowered.end;
    }
    for (const std::string& entry : spec.proxy_environment) out += "proxy: " + entry + "\n";
    if (spec.source_date_epoch) out += "epoch: " + std::to_string(*spec.source_date_epoch) + "\n";
    if (auto warning = unused_build_args(spec, declared))
        out += "warning: " + warning->message() + "\n";
    return out;
}

std::vector<fs::path> inputs() {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(CRANK_SOURCE_DIR "/src/dockerfile/testdata"))
        if (entry.path().extension() == ".Dockerfile") out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, Lowers) {
    auto got = dump_build(read(GetParam()), "Dockerfile");
    std::string text = got ? *got : "error: " + got.error().text() + "\n";
    if (!got && !got.error().hint().empty()) text += "hint: " + got.error().hint() + "\n";
    fs::path expected = GetParam();
    expected.replace_extension(".expected");
    if (std::getenv("CRANK_GOLDEN_UPDATE") != nullptr) {
        std::ofstream(expected, std::ios::binary) << text;
        return;
    }
    ASSERT_TRUE(fs::exists(expected)) << expected;
    EXPECT_EQ(text, read(expected)) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(inputs()), [](const auto& test) {
    std::string name = test.param.stem().string();
    std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
});

}  // namespace
}  // namespace crank::dockerfile
