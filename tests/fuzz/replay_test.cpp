// The fuzz targets as ordinary tests: each with its seeds, and with so many changes of them as a
// test has time for. The changes are the same each time. The campaigns (campaign.py) do the
// searching.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define CRANK_HAS_DEATH_CALLBACK
#endif
#endif

#define CRANK_FUZZ_TARGET(name) \
    extern "C" int crank_one_input_of_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef CRANK_FUZZ_TARGET

namespace {

constexpr int kChanged = 1000;  // inputs of each target
constexpr std::size_t kLongest = 8192;

struct Target {
    const char* name;
    int (*run)(const std::uint8_t*, std::size_t);
};
const Target kTargets[] = {
#define CRANK_FUZZ_TARGET(name) {#name, crank_one_input_of_##name},
#include "fuzz_targets.inc"
#undef CRANK_FUZZ_TARGET
};

// What is being tried, for whoever reads the log of a crash.
const std::string* current = nullptr;

void show_current() {
    if (current == nullptr) return;
    std::fprintf(stderr, "the input, in hexadecimal: ");
    for (unsigned char c : *current) std::fprintf(stderr, "%02x", c);
    std::fprintf(stderr, "\n");
}
void on_abort(int) {
    show_current();
    std::_Exit(99);
}

void try_input(const Target& target, const std::string& input) {
    // An exact copy: a byte read too far is seen.
    std::vector<std::uint8_t> bytes(input.begin(), input.end());
    current = &input;
    target.run(bytes.data(), bytes.size());
    current = nullptr;
}

std::vector<std::string> seeds_of(const char* name) {
    std::vector<std::filesystem::path> paths;
    std::filesystem::path directory = std::string(CRANK_SOURCE_DIR "/tests/fuzz/") + name;
    if (std::filesystem::exists(directory))
        for (const auto& entry : std::filesystem::directory_iterator(directory))
            if (entry.is_regular_file()) paths.push_back(entry.path());
    std::ranges::sort(paths);
    std::vector<std::string> seeds;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return seeds;
}

class Changer {
public:
    explicit Changer(const std::vector<std::string>& seeds) : seeds_(seeds) {}

    std::string next() {
        std::string input = seeds_[below(seeds_.size())];
        for (std::size_t left = 1 + below(4); left > 0; --left) change(input);
        if (input.size() > kLongest) input.resize(kLongest);
        return input;
    }

private:
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    void change(std::string& input) {
        std::size_t at = below(input.size() + 1);
        const std::string& other = seeds_[below(seeds_.size())];
        switch (below(7)) {
            case 0: input.insert(at, 1, static_cast<char>(random_())); break;
            case 1: input.erase(at, 1 + below(8)); break;
            case 2: input.resize(at); break;
            case 3: input.insert(at, other.substr(below(other.size() + 1), 1 + below(32))); break;
            case 4: input.insert(at, input.substr(at, 1 + below(32))); break;
            case 5:
                if (!input.empty())
                    input[below(input.size())] = "\0\1 0129az\"\\:{[\xff"[below(16)];
                break;
            default:
                if (!input.empty()) input[below(input.size())] ^= static_cast<char>(1 << below(8));
        }
    }

    const std::vector<std::string>& seeds_;
    std::mt19937_64 random_{1};
};

class FuzzReplay : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzReplay, SeedsAndChangesOfThem) {
    const Target& target = GetParam();
    std::signal(SIGABRT, on_abort);
#ifdef CRANK_HAS_DEATH_CALLBACK
    __sanitizer_set_death_callback(show_current);
#endif
    auto seeds = seeds_of(target.name);
    ASSERT_FALSE(seeds.empty()) << "tests/fuzz/" << target.name << " holds no seeds";
    auto began = std::chrono::steady_clock::now();
    try_input(target, "");
    for (const std::string& seed : seeds) try_input(target, seed);
    Changer changer(seeds);
    for (int i = 0; i < kChanged; ++i) try_input(target, changer.next());
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    std::printf("%s: %zu seeds and %d changes of them in %.1f s\n", target.name, seeds.size(),
                kChanged, seconds.count());
}

INSTANTIATE_TEST_SUITE_P(Each, FuzzReplay, ::testing::ValuesIn(kTargets),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
