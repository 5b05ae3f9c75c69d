#include "cli/each.h"

#include "base/text.h"
#include "cli/output.h"

namespace crank::cli {

int for_each(Invocation& invocation, std::string_view verb, const Action& action) {
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        Result<> done = action(name);
        if (done) continue;
        report(verb, done.error(), invocation.debug);
        code = 1;
    }
    return code;
}

Result<std::optional<int>> read_seconds(const Arguments& arguments) {
    auto text = arguments.find("time");
    if (!text) return std::optional<int>();
    auto seconds = parse_int(*text);
    if (!seconds || *seconds < -1 || *seconds > 1'000'000)
        return fail(Error(Code::usage, "--time: invalid number of seconds \"" + *text + "\"")
                        .with_hint("--time 30, or -1 for ever"));
    return std::optional(static_cast<int>(*seconds));
}

void tell_of_kill(const engine::Record& record, const engine::StopOptions& options,
                  engine::Stopped stopped) {
    int seconds = options.timeout.value_or(record.stop_timeout);
    if (stopped != engine::Stopped::killed || seconds == 0) return;
    warn("container " + engine::shown_name(record) + " did not end within " +
         std::to_string(seconds) + " s of " + options.signal.value_or(record.stop_signal) +
         ": it was killed");
}

Result<engine::StopOptions> read_stop_options(const Arguments& arguments) {
    engine::StopOptions options{.timeout = std::nullopt, .signal = arguments.find("signal")};
    options.timeout = TRY(read_seconds(arguments));
    if (options.signal) TRY(engine::check_signal(*options.signal));
    return options;
}

}  // namespace crank::cli
