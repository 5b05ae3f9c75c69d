#include "deploy/last_lines.h"

#include <vector>

#include "engine/lifecycle.h"
#include "engine/logs.h"
#include "engine/reason.h"

namespace crank::deploy {
namespace {

constexpr std::size_t kLines = 10;
constexpr std::size_t kMostColumns = 200;  // of a line, which a worker chooses

// Without what a terminal would obey.
std::string plain(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, kMostColumns)) {
        bool control = (c >= 0 && c < ' ' && c != '\t') || c == 0x7f;
        out += control ? '?' : c;
    }
    return out + (text.size() > kMostColumns ? "..." : "");
}

std::vector<std::string> last_of(const engine::Paths& paths, const engine::Container& container,
                                 std::size_t count) {
    std::vector<std::string> lines;
    engine::LogQuery query;
    query.tail = count;
    (void)engine::read_logs(paths, container, query, [&](const engine::LogLine& line) {
        lines.push_back(plain(line.text));
        return Result<>();
    });
    return lines;
}

}  // namespace

std::string last_lines(const engine::Paths& paths, const engine::Container& container) {
    std::string lines;
    for (const std::string& line : last_of(paths, container, kLines)) lines += "\n      | " + line;
    return lines;
}

std::string last_line(const engine::Paths& paths, const engine::Container& container) {
    std::vector<std::string> lines = last_of(paths, container, 1);
    return lines.empty() ? "" : lines.back();
}

Error with_last_lines(Error error, const engine::Paths& paths, const std::string& id) {
    Result<engine::Container> container = engine::find(paths, id);
    if (!container || error.code() == Code::cancelled) return error;
    std::string text = error.text();
    engine::Reason reason = engine::explain(*container);
    bool tells = reason.cause != engine::Cause::running || container->state.health.has_value();
    if (tells && !reason.text.empty()) text += ": " + reason.text;
    std::string lines = last_lines(paths, *container);
    text += lines.empty() ? "\nit wrote nothing; it was removed"
                          : "\nthe last that it wrote, before it was removed:" + lines;
    // Its name is that of the one that serves.
    std::string name = engine::shown_name(container->record);
    return Error(error.code(), std::move(text))
        .with_hint("crank up again once it is mended; crank why " + name +
                   " tells of the one that is there now");
}

}  // namespace crank::deploy
