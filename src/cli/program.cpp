#include "cli/program.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "cli/flush.h"
#include "cli/output.h"
#include "sys/signals.h"
#include "sys/stdin_pipe.h"

namespace crank::cli {

void run_program(int argc, char** argv, Work work) {
    if (auto settled = sys::settle_inherited_descriptors(); !settled) {
        report("", settled.error(), false);
        std::_Exit(1);
    }
    // A reader that went away is an error of print(), not a death in the middle of a change.
    sys::ignore_broken_pipe();
    std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    int code = 1;
    try {
        code = work(argc > 0 ? argv[0] : "", words);
    } catch (const std::exception& e) {
        // Libraries return errors; what arrives here is a bug or the end of memory.
        std::fprintf(stderr, "crank: bug: %s\n", e.what());
    }
    if (!flush_output() && code == 0) code = 1;
    // No destructors of statics: nothing here needs them, and they cost time.
    std::_Exit(code);
}

}  // namespace crank::cli
