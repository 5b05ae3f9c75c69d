#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

#if defined(__x86_64__)
#define CRANK_ARCH "amd64"
#elif defined(__aarch64__)
#define CRANK_ARCH "arm64"
#else
#define CRANK_ARCH "unknown"
#endif

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.Version}}"},
};
constexpr MissingFlag kMissing[] = {
    {"kubeconfig", 0, true, "leave it out: crank asks no cluster for its version"}};
constexpr std::string_view kExamples[] = {"crank version", "crank version --format '{{.Version}}'"};

Result<int> perform(Invocation& invocation) {
    std::string format = invocation.arguments.value("format");
    if (format.empty()) {
        print("crank version " CRANK_VERSION "\nOS/Arch: linux/" CRANK_ARCH "\n");
        return 0;
    }
    nlohmann::ordered_json version = {
        {"Version", CRANK_VERSION}, {"Os", "linux"}, {"Arch", CRANK_ARCH}};
    // There is no daemon: both halves that scripts ask Docker for are this program.
    nlohmann::ordered_json both = version;
    both["Client"] = version;
    both["Server"] = version;
    print(TRY(format_one(format, both)));
    return 0;
}

}  // namespace

constinit const Verb kVersion = {
    .name = "version",
    .summary = "print the version",
    .group = Group::machine,
    .syntax = {.flags = kFlags, .missing = kMissing},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
