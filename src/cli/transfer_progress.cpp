#include "cli/transfer_progress.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "base/units.h"
#include "cli/output.h"
#include "sys/system.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

using Kind = Progress::Kind;

constexpr int kStderr = 2;
constexpr std::int64_t kFrame = 100'000'000;  // ns between two drawings

struct Words {
    const char *begun, *finished, *present;
};
// In the order of Direction.
constexpr Words kWords[] = {
    {"pulling ", "pulled ", "already here"},
    {"pushing ", "pushed ", "already there"},
    {"importing ", "imported ", "already here"},
};

struct Blob {
    std::int64_t bytes = 0, total = 0, began = 0;
};

std::string rate(const Blob& blob) {
    std::int64_t elapsed =
        std::max<std::int64_t>(sys::monotonic_clock_ns() - blob.began, 1'000'000);
    return format_size(static_cast<std::int64_t>(static_cast<double>(blob.bytes) * 1e9 /
                                                 static_cast<double>(elapsed))) +
           "/s";
}

class Shown {
public:
    Shown(Direction direction, bool quiet, bool drawn)
        : words_(kWords[static_cast<int>(direction)]), quiet_(quiet), drawn_(drawn) {}
    ~Shown() { erase(); }

    void on(const Progress& event) {
        if (event.kind == Kind::note) return line(event.name);
        Blob& blob = active_[event.name];
        switch (event.kind) {
            case Kind::begun:
                blob = {0, event.total, sys::monotonic_clock_ns()};
                if (!drawn_ && !quiet_)
                    note(event.name + ": " + words_.begun +
                         (event.total > 0 ? format_size(event.total) : ""));
                break;
            case Kind::moved: blob.bytes += event.bytes; break;
            case Kind::finished: return end(event.name, blob, words_.finished);
            default: return end(event.name, {}, words_.present);
        }
        draw();
    }

private:
    void end(const std::string& name, Blob blob, const char* what) {
        active_.erase(name);
        std::string text = name + ": " + what;
        if (blob.began > 0) text += format_size(blob.bytes) + ", " + rate(blob);
        if (!quiet_) line(text);
    }
    void line(const std::string& text) {
        erase();
        note(text);
        drawn_at_ = 0;
        draw();
    }
    void erase() {
        if (lines_ > 0) print_to(Output::err, "\x1b[" + std::to_string(lines_) + "A\r\x1b[J");
        lines_ = 0;
    }
    void draw() {
        std::int64_t now = sys::monotonic_clock_ns();
        if (!drawn_ || quiet_ || now - drawn_at_ < kFrame) return;
        drawn_at_ = now;
        std::string text;
        for (const auto& [name, blob] : active_) text += bar(name, blob) + "\n";
        erase();
        lines_ = active_.size();
        print_to(Output::err, text);
    }
    static std::string bar(const std::string& name, const Blob& blob) {
        std::size_t width = 20;
        if (auto size = sys::terminal_size(kStderr); size && size->columns > 90) width = 40;
        if (blob.total <= 0) return name + " " + format_size(blob.bytes) + "  " + rate(blob);
        auto full = blob.total <= 0 ? 0
                                    : static_cast<std::size_t>(static_cast<double>(blob.bytes) /
                                                               static_cast<double>(blob.total) *
                                                               static_cast<double>(width));
        full = std::min(full, width);
        return name + " [" + std::string(full, '=') + (full < width ? ">" : "") +
               std::string(width - std::min(width, full + 1), ' ') + "] " +
               format_size(blob.bytes) + "/" + format_size(blob.total) + "  " + rate(blob);
    }

    const Words& words_;
    bool quiet_, drawn_;
    std::map<std::string, Blob> active_;
    std::size_t lines_ = 0;
    std::int64_t drawn_at_ = 0;
};

}  // namespace

ProgressSink make_transfer_progress(Direction direction, bool quiet) {
    auto environment = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    bool drawn =
        sys::is_terminal(kStderr) && environment("TERM") != "dumb" && environment("CI").empty();
    auto shown = std::make_shared<Shown>(direction, quiet, drawn);
    return [shown](const Progress& event) { shown->on(event); };
}

}  // namespace crank::cli
