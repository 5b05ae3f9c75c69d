// --check: the Dockerfile is read and expanded as for a build, and what is odd about it is told.
#include "dockerfile/check.h"

#include <algorithm>

#include "build/build.h"
#include "build/prepare.h"

namespace crank::build {
namespace {

namespace df = dockerfile;

bool is_pattern(std::string_view source) {
    return source.find_first_of("*?[") != std::string_view::npos;
}

class Check {
public:
    Check(const BuildRequest& request, store::Store& store) : request_(request), store_(store) {}

    Result<Checked> run() {
        prepared_ = TRY(prepare(request_));
        const df::Dockerfile& file = prepared_->file;
        add(file.warnings);
        add(df::check_syntax(TRY(df::parse_ast(file.text, file.file))));
        add(prepared_->spec.warnings);
        ends_.resize(prepared_->spec.stages.size());
        for (const df::StageSpec& stage : prepared_->spec.stages)
            if (stage.needed) TRY(check_stage(stage));
        TRY(leave_out());
        checked_.file = std::move(prepared_->file);
        return std::move(checked_);
    }

private:
    struct End {
        df::StageState state;
        bool known = true;  // whose variables could be told
    };

    void add(const std::vector<df::Warning>& warnings) {
        for (const df::Warning& warning : warnings) {
            // A command that looks like an array is said once.
            bool again = std::ranges::any_of(checked_.findings, [&](const df::Warning& old) {
                return old.span.line == warning.span.line && old.rule == warning.rule &&
                       (warning.rule == df::rule::kJsonArgs || old.text == warning.text);
            });
            if (again) continue;
            auto at =
                std::ranges::upper_bound(checked_.findings, warning.span.line, {},
                                         [](const df::Warning& old) { return old.span.line; });
            checked_.findings.insert(at, warning);
        }
    }

    Result<End> begin(const df::StageSpec& stage) {
        if (const auto* earlier = std::get_if<df::StageRef>(&stage.base))
            return *ends_[earlier->index];
        const auto* named = std::get_if<df::ImageRef>(&stage.base);
        if (named == nullptr) return End{df::StageState::of_scratch(), true};
        Result<BaseImage> base = find_base(named->image, request_, store_);
        if (!base && base.error().code() != Code::not_found) return fail(std::move(base).error());
        if (!base) {
            checked_.notes.push_back(named->image +
                                     " is not here: what its variables make of the file was not "
                                     "looked at (crank pull " +
                                     named->image + ")");
            return End{df::StageState::of_scratch(), false};
        }
        const oci::ContainerConfig& config = base->image.config.config;
        return End{df::StageState::of_image(config.env, config.working_dir, config.user,
                                            config.shell, config.on_build),
                   true};
    }

    Result<> check_stage(const df::StageSpec& stage) {
        End end = TRY(begin(stage));
        df::LoweredStage lowered = TRY(df::lower_stage(prepared_->spec, stage.index, end.state));
        if (!end.known)
            std::erase_if(lowered.warnings, [](const df::Warning& warning) {
                return warning.rule == df::rule::kUndefinedVar;
            });
        add(lowered.warnings);
        for (const df::Step& step : lowered.steps) check_copy(step);
        end.state = std::move(lowered.end);
        ends_[stage.index] = std::move(end);
        return {};
    }

    void check_copy(const df::Step& step) {
        const auto* copy = std::get_if<df::TransferStep>(&step.body);
        bool of_context = copy != nullptr &&
                          std::holds_alternative<df::BuildContext>(copy->origin) &&
                          prepared_->context.has_value();
        if (!of_context) return;
        for (const std::string& source : copy->sources) {
            Result<std::string> path = clean_source(source);
            if (!path || path->empty() || is_pattern(*path) || path->find("://") != path->npos)
                continue;
            if (prepared_->context->ignores(*path))
                add({{prepared_->spec.file, step.span,
                      df::quote_line(source) + " is left out of the build by the ignore file",
                      df::rule::kCopyIgnoredFile}});
        }
    }

    Result<> leave_out() {
        const auto& directive = prepared_->file.directives.check;
        if (!directive) return {};
        df::CheckSettings settings = TRY(df::parse_check(*directive));
        std::erase_if(checked_.findings, [&](const df::Warning& warning) {
            return !warning.rule.empty() && settings.skips(warning.rule);
        });
        return {};
    }

    const BuildRequest& request_;
    store::Store& store_;
    std::optional<Prepared> prepared_;
    std::vector<std::optional<End>> ends_;
    Checked checked_;
};

}  // namespace

Result<Checked> check(const BuildRequest& request, store::Store& store) {
    return Check(request, store).run();
}

}  // namespace crank::build
