#include "cli/confirm.h"

#include <array>
#include <cstdint>

#include "cli/output.h"
#include "sys/stream.h"
#include "sys/terminal.h"

namespace crank::cli {

Result<bool> confirmed(const Arguments& arguments, std::string_view verb, const std::string& what) {
    constexpr int kStdin = 0;
    if (arguments.on("force")) return true;
    if (!sys::is_terminal(kStdin))
        return fail(Error(Code::usage,
                          std::string(verb) + " removes without a way back, and cannot ask here")
                        .with_hint("crank " + std::string(verb) + " -f"));
    note("This removes " + what + ". Go on? [y/N]");
    std::array<std::uint8_t, 64> answer;
    std::size_t n = TRY(sys::read_some(kStdin, answer, "the terminal"));
    return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

}  // namespace crank::cli
