#include "cli/overview.h"

#include <algorithm>

#include "base/units.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "engine/lifecycle.h"
#include "engine/reason.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using engine::Container;

constexpr std::size_t kMostShown = 10;  // of each kind: one screen
constexpr std::int64_t kRecent = std::int64_t{24} * 3600 * 1'000'000'000;

bool lives(const Container& container) {
    return container.state.status == engine::Status::running ||
           container.state.status == engine::Status::restarting;
}

bool is_ill(const Container& container) {
    return container.state.health &&
           container.state.health->status == engine::HealthStatus::unhealthy;
}

// What somebody should look at: it is ill, it could not start, or it ended badly in the last day.
bool is_trouble(const Container& container) {
    const engine::State& state = container.state;
    if (lives(container)) return is_ill(container) || state.status == engine::Status::restarting;
    if (!state.start_error.empty()) return true;
    if (state.status != engine::Status::exited) return false;
    using engine::Cause;
    Cause cause = engine::explain(container).cause;
    bool bad = cause != Cause::finished && cause != Cause::stopped;
    return bad && sys::wall_clock_ns() - state.exit.finished_at_ns < kRecent;
}

std::string why_of(const Container& container) {
    if (!container.state.start_error.empty()) return container.state.start_error;
    return engine::explain(container).text;
}

std::string rest_text(std::size_t count, const char* command) {
    if (count <= kMostShown) return "";
    return "  and " + std::to_string(count - kMostShown) + " more: " + command + "\n";
}

std::string running_text(const std::vector<const Container*>& containers) {
    if (containers.empty()) return "Nothing runs.\n";
    Table table({"  NAME", "IMAGE", "STATUS", "PORTS"});
    for (std::size_t i = 0; i < containers.size() && i < kMostShown; ++i) {
        const Container& one = *containers[i];
        table.add({"  " + engine::shown_name(one.record), one.record.image, status_text(one),
                   ports_text(one.record)});
    }
    return "Running:\n" + table.text() + rest_text(containers.size(), "crank ps");
}

std::string trouble_text(const std::vector<const Container*>& containers) {
    if (containers.empty()) return "";
    std::string text = "\nLook at:\n";
    for (std::size_t i = 0; i < containers.size() && i < kMostShown; ++i) {
        const Container& one = *containers[i];
        text += "  " + engine::shown_name(one.record) + ": " + status_text(one) + ": " +
                why_of(one) + "\n";
    }
    return text + rest_text(containers.size(), "crank ps -a");
}

// Nothing where there is no store yet.
std::size_t count_images(const engine::Paths& paths) {
    auto store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store) return 0;
    auto images = store->list();
    return images ? images->size() : 0;
}

std::string command_line(const std::string& command, const std::string& what) {
    constexpr std::size_t kColumn = 46;
    std::string line = "  " + command;
    line.append(line.size() < kColumn ? kColumn - line.size() : 2, ' ');
    return line + what + "\n";
}

std::string first_steps(std::size_t images) {
    std::string text = images == 0 ? "There is no image and no container here yet. First steps:\n\n"
                                   : "There is no container here yet. First steps:\n\n";
    text += command_line("crank doctor", "what this machine can do, and what it lacks");
    if (images == 0) {
        text += command_line("crank pull python:3.11-slim", "get an image from a registry");
        text += command_line("crank image bootstrap", "or make a base image without one");
    } else {
        text += command_line("crank images", "the images that are here");
    }
    text += command_line("crank build -t mail .", "build a worker from its Dockerfile");
    text += command_line("crank run -d -p 8501:8501 --name mail mail", "start it");
    return text + command_line("crank why mail", "what became of it, on one screen");
}

std::string next_steps(const std::vector<const Container*>& running,
                       const std::vector<const Container*>& trouble) {
    std::string text = "\nNext:\n";
    if (!trouble.empty())
        text += command_line("crank why " + engine::shown_name(trouble[0]->record),
                             "more of it, with its last output");
    if (!running.empty())
        text += command_line("crank logs -f " + engine::shown_name(running[0]->record),
                             "what it writes");
    text += command_line("crank ps -a", "every container, ended ones too");
    if (running.empty()) text += command_line("crank run -d IMAGE", "start a worker");
    return text;
}

}  // namespace

Result<std::string> where_text(const engine::Paths& paths) {
    std::vector<Container> all = TRY(engine::list(paths));
    std::size_t images = count_images(paths);
    std::string help = "\ncrank --help lists every command.\n";
    if (all.empty()) return first_steps(images) + help;
    std::vector<const Container*> running, trouble;
    for (const Container& container : all) {
        if (lives(container)) running.push_back(&container);
        if (is_trouble(container)) trouble.push_back(&container);
    }
    return running_text(running) + trouble_text(trouble) + next_steps(running, trouble) + help;
}

}  // namespace crank::cli
