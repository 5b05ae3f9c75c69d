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

Result<engine::StopOptions> read_stop_options(const Arguments& arguments) {
    engine::StopOptions options{.timeout = std::nullopt, .signal = arguments.find("signal")};
    if (auto text = arguments.find("time")) {
        auto seconds = parse_int(*text);
        if (!seconds || *seconds < -1 || *seconds > 1'000'000)
            return fail(Code::usage, "--time: invalid number of seconds \"" + *text + "\"");
        options.timeout = static_cast<int>(*seconds);
    }
    return options;
}

}  // namespace crank::cli
