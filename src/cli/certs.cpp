// crank links no TLS: what has to do with certificates crank-net does.
#include "cli/fetch.h"
#include "cli/verbs.h"
#include "sys/replace.h"

namespace crank::cli {
namespace {

constexpr std::string_view kInitExamples[] = {"crank certs init"};
constexpr std::string_view kIssueExamples[] = {
    "crank certs issue email-classifier --dir ~/.crank/certs",
    "crank certs issue email-classifier --dns mail.internal --days 30",
};
constexpr Flag kInitFlags[] = {
    {"dir", 0, FlagKind::value, "DIR", "where the authority is kept (~/.crank/ca)"},
};
constexpr Flag kIssueFlags[] = {
    {"ca", 0, FlagKind::value, "DIR", "the authority (~/.crank/ca)"},
    {"dir", 0, FlagKind::value, "DIR", "where to (~/.crank/certs)"},
    {"uid", 0, FlagKind::value, "NUMBER", "whose files (1000 for root, else yours)"},
    {"dns", 0, FlagKind::list, "NAME", "one more DNS name"},
    {"days", 0, FlagKind::value, "NUMBER", "how long it is valid (90)"},
};

// The words as crank-net knows them: the same.
Result<int> pass_on(const Invocation& invocation, const char* verb, std::span<const Flag> flags) {
    std::vector<std::string> args = {"crank-net", "certs", verb};
    for (const Flag& flag : flags)
        for (const std::string& value : invocation.arguments.values(flag.name))
            args.push_back("--" + std::string(flag.name) + "=" + value);
    for (const std::string& word : invocation.arguments.words()) args.push_back(word);
    return fail(sys::replace_process(TRY(find_crank_net()), args));
}

Result<int> perform_init(Invocation& invocation) { return pass_on(invocation, "init", kInitFlags); }

Result<int> perform_issue(Invocation& invocation) {
    return pass_on(invocation, "issue", kIssueFlags);
}

}  // namespace

constinit const Verb kCertsInit = {
    .name = "certs init",
    .summary = "make a local certificate authority",
    .group = Group::machine,
    .syntax = {.flags = kInitFlags},
    .examples = kInitExamples,
    .perform = perform_init,
};
constinit const Verb kCertsIssue = {
    .name = "certs issue",
    .summary = "make a key and a certificate for a worker",
    .group = Group::machine,
    .syntax = {.flags = kIssueFlags, .min_words = 1, .max_words = 1, .arguments = "NAME"},
    .examples = kIssueExamples,
    .perform = perform_issue,
};

}  // namespace crank::cli
