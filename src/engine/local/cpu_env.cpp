#include "engine/local/cpu_env.h"

#include <algorithm>

namespace crank::engine::local {
namespace {

// A library that starts a thread for each of 64 processors and may use 2 is throttled in the middle
// of its work: its threads wait for each other while none of them may run. Those that read the
// quota themselves (the JVM, .NET, Node) need no word. OPENBLAS_NUM_THREADS, MKL_NUM_THREADS,
// BLIS_NUM_THREADS and NUMEXPR_NUM_THREADS are left alone on purpose: each of them stands above
// OMP_NUM_THREADS, to which these libraries fall back, so that a worker or a user that sets
// OMP_NUM_THREADS=1 would not be heard any more.
constexpr const char* kNames[] = {
    "OMP_NUM_THREADS",    // OpenMP; OpenBLAS, MKL, BLIS, numexpr and PyTorch by it, and nproc
    "GOMAXPROCS",         // Go before 1.25, which took the machine's
    "PYTHON_CPU_COUNT",   // os.cpu_count() from Python 3.13 on
    "RAYON_NUM_THREADS",  // Rust programs built before its library knew cgroup v1 (1.64)
};
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;

}  // namespace

std::vector<std::string> cpu_variables(std::int64_t nano_cpus) {
    // Rounded up: with one thread for 1.5 CPUs a third of what was given would lie idle.
    std::int64_t count = std::max<std::int64_t>(1, (nano_cpus - 1) / kNanosPerCpu + 1);
    std::vector<std::string> variables;
    for (const char* name : kNames) variables.push_back(name + ("=" + std::to_string(count)));
    return variables;
}

}  // namespace crank::engine::local
