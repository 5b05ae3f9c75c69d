#include "cli/progress.h"

#include <cstdlib>
#include <map>

#include "base/units.h"
#include "cli/output.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStderr = 2;

std::string seconds(std::chrono::nanoseconds duration) {
    std::int64_t tenths = duration.count() / 100'000'000;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::string first_line(std::string_view text) {
    std::size_t end = text.find('\n');
    return std::string(text.substr(0, end)) + (end == std::string_view::npos ? "" : " ...");
}

std::string title(const build::StepInfo& step) {
    std::string text = "[";
    if (!step.stage.empty()) text += step.stage + " ";
    if (step.total > 0)
        text += std::to_string(step.number) + "/" + std::to_string(step.total) + "] ";
    else
        text += std::to_string(step.number) + "] ";
    return text + first_line(step.text);
}

class Shown {
public:
    virtual ~Shown() = default;
    virtual void on(const build::StepStarted& event) = 0;
    virtual void on(const build::StepOutput& event) = 0;
    virtual void on(const build::StepFinished& event) = 0;
    virtual void line(const std::string& text) = 0;
    void on(const build::Note& event) { line(event.text); }
    void on(const dockerfile::Warning& event) { line("warning: " + event.message()); }
    void on(const build::ImageWritten& event) {
        line("built " + event.id.str());
        for (const std::string& tag : event.tags) {
            Result<oci::Reference> reference = oci::Reference::parse(tag);
            line("tagged " + (reference ? reference->familiar() : tag));
        }
    }
};

// Every line stands for itself: for logs and CI.
class Plain : public Shown {
public:
    using Shown::on;
    void on(const build::StepStarted& event) override {
        note(number(event.step.id) + title(event.step));
    }
    void on(const build::StepOutput& event) override {
        std::string& rest = rest_[event.id];
        rest += event.text;
        std::size_t end;
        while ((end = rest.find('\n')) != std::string::npos) {
            note(number(event.id) + rest.substr(0, end));
            rest.erase(0, end + 1);
        }
    }
    void on(const build::StepFinished& event) override {
        std::string& rest = rest_[event.id];
        if (!rest.empty()) note(number(event.id) + rest);
        rest_.erase(event.id);
        note(number(event.id) + (event.cached   ? "CACHED"
                                 : event.failed ? "FAILED " + seconds(event.duration)
                                                : "DONE " + seconds(event.duration)));
    }
    void line(const std::string& text) override { note(text); }

private:
    static std::string number(std::size_t id) { return "#" + std::to_string(id + 1) + " "; }
    std::map<std::size_t, std::string> rest_;  // of a line that has not ended
};

// The step that runs has one line, which is redrawn; a finished one keeps its line.
class Terminal : public Shown {
public:
    using Shown::on;
    void on(const build::StepStarted& event) override {
        titles_[event.step.id] = title(event.step);
        current_ = event.step.id;
        output_.clear();
        draw();
    }
    void on(const build::StepOutput& event) override {
        for (char c : event.text) {
            if (c == '\n' || c == '\r')
                fresh_ = true;
            else {
                if (fresh_) output_.clear();
                fresh_ = false;
                // What a RUN step writes must not move the cursor or set the title.
                output_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
            }
        }
        draw();
    }
    void on(const build::StepFinished& event) override {
        std::string end = event.cached   ? "CACHED"
                          : event.failed ? "FAILED " + seconds(event.duration)
                                         : seconds(event.duration);
        line((event.failed ? "x " : "= ") + titles_[event.id] + "  " + end);
        titles_.erase(event.id);
        output_.clear();
    }
    void line(const std::string& text) override {
        print_to(Output::err, std::string(kErase) + text + "\n");
    }

private:
    static constexpr const char* kErase = "\r\x1b[K";
    void draw() {
        std::size_t width = 80;
        if (auto size = sys::terminal_size(kStderr); size && size->columns > 20)
            width = size->columns;
        std::string text = "> " + titles_[current_];
        if (!output_.empty()) text += "  " + output_;
        if (text.size() >= width) {
            // Not in the middle of a character.
            std::size_t cut = width - 1;
            while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
            text.resize(cut);
        }
        print_to(Output::err, std::string(kErase) + text);
    }
    std::map<std::size_t, std::string> titles_;
    std::size_t current_ = 0;
    std::string output_;
    bool fresh_ = false;
};

// Warnings alone.
class Quiet : public Shown {
public:
    using Shown::on;
    void on(const build::StepStarted&) override {}
    void on(const build::StepOutput&) override {}
    void on(const build::StepFinished&) override {}
    void line(const std::string& text) override {
        if (text.starts_with("warning: ")) note(text);
    }
};

std::shared_ptr<Shown> make_shown(ProgressMode mode) {
    switch (mode) {
        case ProgressMode::plain: return std::make_shared<Plain>();
        case ProgressMode::terminal: return std::make_shared<Terminal>();
        case ProgressMode::quiet: break;
    }
    return std::make_shared<Quiet>();
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

Result<ProgressMode> parse_progress(std::string_view text) {
    if (text == "plain") return ProgressMode::plain;
    if (text == "quiet") return ProgressMode::quiet;
    if (text == "tty") {
        if (sys::is_terminal(kStderr)) return ProgressMode::terminal;
        return fail(Error(Code::usage, "--progress tty: standard error is no terminal")
                        .with_hint("--progress plain"));
    }
    if (text == "rawjson")
        return fail(Code::unsupported, "--progress rawjson is not supported yet");
    if (!text.empty() && text != "auto")
        return fail(Code::usage, "--progress " + std::string(text) + ": auto, plain, tty or quiet");
    bool drawn =
        sys::is_terminal(kStderr) && environment("TERM") != "dumb" && environment("CI").empty();
    return drawn ? ProgressMode::terminal : ProgressMode::plain;
}

build::ProgressSink make_progress(ProgressMode mode) {
    std::shared_ptr<Shown> shown = make_shown(mode);
    return [shown](const build::Progress& progress) {
        std::visit([&](const auto& event) { shown->on(event); }, progress);
    };
}

}  // namespace crank::cli
