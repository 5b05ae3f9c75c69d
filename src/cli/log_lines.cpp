#include "cli/log_lines.h"

#include <mutex>

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

}  // namespace crank::cli
