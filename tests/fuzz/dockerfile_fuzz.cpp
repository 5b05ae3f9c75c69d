// A Dockerfile from anybody, through all four layers. Beyond "no crash": what must hold of every
// result is asserted.
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/lower.h"
#include "fuzz_support.h"

using namespace crank;
using namespace crank::dockerfile;
using crank::fuzz::require;

namespace {

void check_steps(const LoweredStage& stage) {
    for (const Step& step : stage.steps) {
        require(step.span.line >= 1 && step.span.end_line >= step.span.line);
        require(step.workdir.starts_with('/'));
        require(step.assignments <= stage.assignments.size());
        if (const auto* run = std::get_if<RunStep>(&step.body)) {
            require(!run->argv.empty());
            require(run->mounts.size() == run->mount_origins.size());
            stage.environment(step);
            stage.arguments(step);
        }
        if (const auto* transfer = std::get_if<TransferStep>(&step.body)) {
            require(transfer->dest.starts_with('/'));
            require(transfer->dest.find("/../") == std::string::npos);
            for (const InlineFile& file : transfer->files)
                require(file.name.find('/') == std::string::npos);
        }
        if (const auto* workdir = std::get_if<WorkdirStep>(&step.body))
            require(workdir->path.starts_with('/'));
    }
}

void try_dockerfile(std::string_view text) {
    auto file = parse(text, "Dockerfile");
    if (!file) return;
    BuildOptions options;
    options.build_args = {{"A", "given"}, {"HTTP_PROXY", "http://p"}, {"B", "$A*/x"}};
    auto spec = lower(*file, options);
    if (!spec) return;
    std::vector<StageState> ends(spec->stages.size());
    for (const StageSpec& stage : spec->stages) {
        if (!stage.needed) continue;
        std::vector<std::string> env = {"PATH=/bin", "HOME=/root", "L=a.b.c/d"};
        StageState base = StageState::of_image(env, "/", "", {}, {});
        if (const auto* ref = std::get_if<StageRef>(&stage.base)) {
            require(ref->index < stage.index);
            base = ends[ref->index];
        }
        auto lowered = lower_stage(*spec, stage.index, base);
        if (!lowered) return;
        check_steps(*lowered);
        ends[stage.index] = std::move(lowered->end);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try_dockerfile(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
