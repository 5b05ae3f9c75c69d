// crank-gateway: the published ports of one project. crank starts it and tells it what to do.
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/keeper.h"
#include "gateway/log.h"
#include "gateway/serve.h"
#include "sys/system.h"

namespace {

// One line each, with the time, for the log file that crank has opened.
void log_line(const std::string& project, const std::string& text) {
    const std::int64_t ms = crank::sys::wall_clock_ns() / 1'000'000;
    char time[32];
    std::snprintf(time, sizeof time, "%lld.%03lld", static_cast<long long>(ms / 1000),
                  static_cast<long long>(ms % 1000));
    const std::string line = std::string(time) + " crank-gateway" +
                             (project.empty() ? "" : " " + project) + ": " + text + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    // crank starts the one that keeps, and that one the one that serves.
    const bool serves = !words.empty() && words[0] == "--serve";
    if (serves) words.erase(words.begin());
    const bool named = words.size() == 2 && words[0] == "--name";
    if (!words.empty() && !named) {
        std::fputs("crank-gateway: usage: crank-gateway [--name PROJECT]\n", stderr);
        return 2;
    }
    const std::string project = named ? words[1] : "";
    crank::gateway::Log log([] { return crank::sys::monotonic_clock_ns() / 1'000'000; },
                            [&project](const std::string& text) { log_line(project, text); });
    auto line = [&log](const std::string& text) { log.line(text); };
    auto run = [&]() -> crank::Result<int> {
        if (!serves) return crank::gateway::keep(project, line);
        TRY(crank::gateway::serve(line));
        return 0;
    };
    crank::Result<int> ended = run();
    log.end();
    if (ended) return *ended;
    log_line(project, ended.error().text());
    if (!ended.error().hint().empty()) log_line(project, "hint: " + ended.error().hint());
    return crank::describe(ended.error().code()).exit_code;
}
