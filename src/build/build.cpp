#include "build/build.h"

#include "base/text.h"
#include "base/units.h"
#include "build/builder.h"

namespace crank::build {

namespace {

std::string_view action_name(ExplainedStep::Action action) {
    switch (action) {
        case ExplainedStep::Action::base: return "base";
        case ExplainedStep::Action::config: return "config";
        case ExplainedStep::Action::cached: return "cached";
        case ExplainedStep::Action::run: return "run";
        case ExplainedStep::Action::after: return "after";
    }
    return "";
}

std::string one_line(std::string_view text) {
    return std::string(trim(text.substr(0, text.find('\n'))));
}

}  // namespace

Result<BuildOutcome> build(const BuildRequest& request, store::Store& store) {
    Builder builder(request, store, Builder::Mode::build);
    TRY(builder.run());
    return builder.take_outcome();
}

Result<Explanation> explain(const BuildRequest& request, store::Store& store) {
    Builder builder(request, store, Builder::Mode::explain);
    TRY(builder.run());
    return builder.take_explanation();
}

std::string Explanation::describe() const {
    std::string text;
    for (const std::string& note : notes) text += "note: " + note + "\n";
    for (const ExplainedStep& step : steps) {
        std::string name(action_name(step.action));
        name.resize(8, ' ');
        std::string line = step.step.text.empty() ? "FROM " : one_line(step.step.text);
        text += name +
                (step.step.span.line != 0 ? std::to_string(step.step.span.line) + ": " : "") + line;
        if (!step.detail.empty()) text += (step.step.text.empty() ? "" : "  # ") + step.detail;
        text += "\n";
    }
    for (const dockerfile::Warning& warning : warnings)
        text += "warning: " + warning.message() + "\n";
    return text;
}

// The error of a step that ran: where it stands, its lines, and the last that it printed.
Error Builder::failed_step(Error error, const dockerfile::Step& step) const {
    const std::string& file = prepared_->spec.file;
    if (error.code() != Code::step_failed)
        return dockerfile::at(std::move(error), file, step.span, step.text);
    std::string place = file + ":" + std::to_string(step.span.line);
    std::string message = place + ": " + step.name + ": " + error.text() + "\n";
    for (std::uint32_t line = step.span.line; line != 0 && line <= step.span.end_line; ++line) {
        std::string number = std::to_string(line);
        number.insert(0, number.size() < 5 ? 5 - number.size() : 0, ' ');
        message += number + " | " + std::string(prepared_->file.line(line)) + "\n";
    }
    const std::vector<std::string>& lines = executor_.failure().last_lines;
    if (!lines.empty()) message += "last output:\n";
    for (const std::string& line : lines) message += "      | " + line + "\n";
    message.pop_back();
    Error whole(Code::step_failed, std::move(message));
    return error.hint().empty() ? whole : std::move(whole).with_hint(error.hint());
}

void Builder::explain_step(const StepWork& work, const StageResult& result) {
    using Action = ExplainedStep::Action;
    ExplainedStep step{.step = work.info};
    if (!work.changes_files())
        step.action = Action::config;
    else if (work.cached)
        step.action = Action::cached;
    else
        step.action = result.layers ? Action::run : Action::after;
    if (result.layers) step.key = work.key;
    if (work.from_directory()) {
        std::int64_t bytes = 0, files = 0;
        for (const SelectedSource& source : work.selection)
            for (const SelectedEntry& entry : source.entries) {
                bytes += entry.size;
                files += entry.kind == sys::FileKind::directory ? 0 : 1;
            }
        step.detail =
            std::to_string(files) + (files == 1 ? " file, " : " files, ") + format_size(bytes);
    }
    explanation_.steps.push_back(std::move(step));
}

}  // namespace crank::build
