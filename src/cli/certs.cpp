// crank links no TLS: what has to do with certificates crank-net does.
#include <algorithm>

#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "deploy/certificates.h"
#include "deploy/records.h"
#include "engine/config.h"
#include "sys/replace.h"

namespace crank::cli {
namespace {

constexpr std::string_view kInitExamples[] = {"crank certs init"};
constexpr std::string_view kIssueExamples[] = {
    "crank certs issue email-classifier --dir ~/.crank/certs",
    "crank certs issue email-classifier --dns mail.internal --days 30",
};
constexpr std::string_view kRenewExamples[] = {"crank certs renew", "crank certs renew shop"};
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

// The words as crank-net knows them: the same. `authority`: the flag that names its directory.
Result<int> pass_on(const Invocation& invocation, const char* verb, std::span<const Flag> flags,
                    std::string_view authority) {
    std::vector<std::string> args = {"crank-net", "certs", verb};
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    std::string usual = config.text("certs.authority");
    if (!usual.empty() && !invocation.arguments.find(authority))
        args.push_back("--" + std::string(authority) + "=" + usual);
    for (const Flag& flag : flags)
        for (const std::string& value : invocation.arguments.values(flag.name))
            args.push_back("--" + std::string(flag.name) + "=" + value);
    for (const std::string& word : invocation.arguments.words()) args.push_back(word);
    return fail(sys::replace_process(TRY(find_crank_net()), args));
}

Result<int> perform_init(Invocation& invocation) {
    return pass_on(invocation, "init", kInitFlags, "dir");
}

Result<int> perform_issue(Invocation& invocation) {
    return pass_on(invocation, "issue", kIssueFlags, "ca");
}

// A command that changes the project does it itself.
Result<> renew(const Invocation& invocation, const std::string& project) {
    Result<sys::UniqueFd> lock = deploy::Records(invocation.paths, project).lock();
    if (!lock && lock.error().code() == Code::in_use) {
        note(lock.error().text() + ": it is left to that");
        return {};
    }
    if (!lock) return fail(std::move(lock.error()));
    auto renewed = TRY(deploy::Certificates(invocation.paths, project, "").renew());
    for (const std::string& service : renewed) print_line(project + "/" + service);
    return {};
}

Result<int> perform_renew(Invocation& invocation) {
    std::vector<std::string> projects = invocation.arguments.words();
    std::vector<std::string> all = TRY(deploy::list_projects(invocation.paths));
    for (const std::string& name : projects)
        if (std::ranges::find(all, name) == all.end())
            return fail(Error(Code::not_found, "no such project: " + name)
                            .with_hint("crank releases --all-envs"));
    if (projects.empty()) projects = std::move(all);
    int failed = 0;
    for (const std::string& name : projects) {
        Result<> done = renew(invocation, name);
        if (done) continue;
        report("certs renew", std::move(done.error()).with_context("project " + name),
               invocation.debug);
        failed = 1;
    }
    return failed;
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

constinit const Verb kCertsRenew = {
    .name = "certs renew",
    .summary = "make certificates of services again of which two thirds of their time are over",
    .group = Group::machine,
    .syntax = {.max_words = kAnyWords, .arguments = "[PROJECT...]"},
    .examples = kRenewExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform_renew,
};

}  // namespace crank::cli
