// crank-oci: the verbs of `crank oci` as a program of their own, which is a quarter of
// crank's size and starts sooner: engines call it several times for each container.
#include "cli/oci.h"
#include "cli/program.h"

int main(int argc, char** argv) {
    crank::cli::run_program(
        argc, argv, [](std::string_view program, std::span<const std::string_view> words) {
            return crank::cli::run_oci(program.substr(program.rfind('/') + 1), words);
        });
}
