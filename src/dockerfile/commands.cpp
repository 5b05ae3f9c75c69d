#include "dockerfile/commands.h"

#include <utility>

#include "dockerfile/source.h"

namespace crank::dockerfile {

Result<std::optional<ScriptFile>> place_heredocs(const Run& run, std::string& text) {
    if (run.heredocs.empty()) return std::nullopt;
    if (!TRY(heredoc_of_word(text))) {
        for (const Heredoc& doc : run.heredocs) text += "\n" + doc.content + doc.name;
        return std::nullopt;
    }
    const Heredoc& doc = run.heredocs[0];
    text = doc.text();
    if (!text.starts_with("#!")) return std::nullopt;
    if (doc.name.find('/') != std::string::npos || doc.name == "." || doc.name == "..") {
        return fail(Code::invalid_argument,
                    "the here-document's name " + quote_line(doc.name) + " cannot name a file");
    }
    return ScriptFile{"/dev/pipes/" + doc.name, std::exchange(text, {})};
}

HealthcheckStep healthcheck_step(const Healthcheck& check) {
    HealthcheckStep step;
    if (check.none) {
        step.test = {"NONE"};
        return step;
    }
    step.test = check.command.words;
    step.test.insert(step.test.begin(), check.command.shell ? "CMD-SHELL" : "CMD");
    step.interval = check.interval;
    step.timeout = check.timeout;
    step.start_period = check.start_period;
    step.start_interval = check.start_interval;
    step.retries = check.retries;
    return step;
}

}  // namespace crank::dockerfile
