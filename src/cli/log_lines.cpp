#include "cli/log_lines.h"

#include <mutex>
#include <thread>
#include <vector>

#include "cli/output.h"

namespace crank::cli {

Result<> LogPrinter::print(const engine::LogLine& line) {
    static std::mutex one_at_a_time;
    std::lock_guard lock(one_at_a_time);
    bool& begin = begins_[line.stream == engine::Stream::err];
    std::string text;
    if (begin) text = prefix_;
    if (timestamps_ && begin) text += std::string(line.time) + " ";
    text += line.text;
    if (line.full) text += '\n';
    begin = line.full;
    print_to(line.stream == engine::Stream::err ? Output::err : Output::out, text);
    return {};
}

int print_logs(std::size_t count, bool follow, bool debug,
               const std::function<Result<>(std::size_t)>& print) {
    std::vector<Result<>> results(count);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < count; ++i) {
            auto one = [&, i] { results[i] = print(i); };
            if (follow)
                threads.emplace_back(one);
            else
                one();
        }
    }
    int code = 0;
    for (const Result<>& result : results)
        if (!result) {
            report("logs", result.error(), debug);
            code = 1;
        }
    return code;
}

}  // namespace crank::cli
