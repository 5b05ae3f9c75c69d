#include "net/certs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "pki/authority_dir.h"
#include "pki/identity_dir.h"
#include "sys/owned_file.h"

namespace crank::net {
namespace {

// The user `worker` of the base image.
constexpr uid_t kWorkerUid = 1000;

struct CertsRequest {
    enum class Verb : std::uint8_t { help, init, issue } verb = Verb::help;
    std::string help;
    std::string directory;
    std::string authority;
    pki::LeafSpec leaf;
    std::optional<std::int64_t> uid;
};

constexpr std::string_view kWords[] = {"init",  "issue", "--dir",  "--ca",
                                       "--uid", "--dns", "--days", "--help"};

// The first word that is no flag or command of ours, where that may be the mistake.
std::string unknown_word(std::span<const std::string> words) {
    for (const auto& word : words) {
        const std::string flag = split(word, '=').front();
        const bool known = std::ranges::find(kWords, flag) != std::end(kWords);
        if (!known && (flag.starts_with("--") || &word == &words.front())) return flag;
    }
    return {};
}

// CLI11's text in the house's manner: the first letter small.
std::string lowered(std::string text) {
    if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])))
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

Error usage_error(const CLI::ParseError& problem, std::span<const std::string> words) {
    const std::string unknown = unknown_word(words);
    if (unknown.empty())
        return Error(Code::usage, lowered(problem.what())).with_hint("crank certs --help");
    const char* kind = unknown.starts_with("-") ? "unknown flag: " : "unknown command: ";
    const auto meant = did_you_mean(unknown, kWords);
    return Error(Code::usage, kind + unknown)
        .with_hint(meant ? "did you mean " + *meant + "?" : "crank certs --help");
}

void add_issue(CLI::App& app, CertsRequest& request) {
    auto* issue = app.add_subcommand("issue", "issue a key and a certificate to a worker");
    issue->add_option("NAME", request.leaf.name, "the worker's name")->required();
    issue->add_option("--ca", request.authority, "the authority (default: ~/.crank/ca)")
        ->type_name("DIR");
    issue->add_option("--dir", request.directory, "where to (default: ~/.crank/certs)")
        ->type_name("DIR");
    issue->add_option("--uid", request.uid, "whose files (default: 1000 for root, else yours)")
        ->type_name("N");
    issue->add_option("--dns", request.leaf.dns, "one more DNS name (may be repeated)")
        ->type_name("NAME")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    issue->add_option("--days", request.leaf.days, "how long it is valid (default: 90)")
        ->type_name("N");
}

Result<> fill_defaults(CertsRequest& request, const std::string& home) {
    const bool issues = request.verb == CertsRequest::Verb::issue;
    const bool wants_home = request.authority.empty() || (issues && request.directory.empty());
    if (wants_home && home.empty())
        return fail(Error(Code::usage, "HOME is not set").with_hint("give --dir (and --ca)"));
    if (request.authority.empty()) request.authority = home + "/.crank/ca";
    if (request.directory.empty()) request.directory = home + "/.crank/certs";
    return {};
}

// CLI11 throws; nothing of it leaves this function.
Result<> parse(std::span<const std::string> words, const std::string& home, CertsRequest& request) {
    CLI::App app("Certificates for workers, from an authority of this machine's own.",
                 "crank certs");
    app.require_subcommand(0, 1);
    auto* init = app.add_subcommand("init", "make the authority");
    init->add_option("--dir", request.authority, "where it is kept (default: ~/.crank/ca)")
        ->type_name("DIR");
    add_issue(app, request);
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        request.help = app.help();
        return {};
    } catch (const CLI::ParseError& problem) {
        return fail(usage_error(problem, words));
    }
    if (app.get_subcommands().empty()) {
        request.help = app.help();
        return {};
    }
    request.verb = *init ? CertsRequest::Verb::init : CertsRequest::Verb::issue;
    return fill_defaults(request, home);
}

// Whom the files go to; nothing: they stay the caller's.
Result<std::optional<sys::Owner>> owner_for(std::optional<std::int64_t> uid) {
    const uid_t caller = sys::effective_uid();
    // The largest number is "no user" to chown(2).
    if (uid && (*uid < 0 || *uid >= std::numeric_limits<uid_t>::max()))
        return fail(Code::invalid_argument, "invalid user id " + std::to_string(*uid));
    if (caller != 0 && uid && *uid != caller)
        return fail(Error(Code::permission_denied,
                          "only root can give files to user " + std::to_string(*uid))
                        .with_hint("leave out --uid, or run as root"));
    if (caller != 0) return std::nullopt;
    const uid_t owner = uid ? static_cast<uid_t>(*uid) : kWorkerUid;
    return sys::Owner{owner, owner};
}

std::string day_of(pki::TimePoint time) { return format_time(time).substr(0, 10); }

Result<Report> init(const CertsRequest& request, pki::TimePoint now) {
    const pki::Authority authority = TRY(pki::Authority::create(now));
    TRY(pki::save_authority(request.authority, authority));
    return Report{{request.authority + "/" + pki::kAuthorityCertificate},
                  "made an authority, valid until " + day_of(authority.not_after())};
}

Result<Report> issue(const CertsRequest& request, pki::TimePoint now) {
    const pki::LeafPlan plan = TRY(pki::plan_leaf(request.leaf, now));
    const auto owner = TRY(owner_for(request.uid));
    const pki::Authority authority = TRY(pki::load_authority(request.authority));
    const pki::Leaf leaf = TRY(authority.issue(plan, now));
    TRY(pki::save_identity(request.directory, leaf, TRY(authority.certificate_pem()), owner));
    Report report;
    for (const auto* name : {pki::kIdentityCertificate, pki::kIdentityKey, pki::kIdentityAuthority})
        report.data.push_back(request.directory + "/" + name);
    report.note = "issued " + plan.spiffe_id + " for " + join(plan.dns, ", ") + ", valid until " +
                  day_of(leaf.not_after);
    return report;
}

Result<Report> perform(const CertsRequest& request) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    switch (request.verb) {
        case CertsRequest::Verb::help: return Report{{request.help}, ""};
        case CertsRequest::Verb::init: return init(request, now);
        case CertsRequest::Verb::issue: return issue(request, now);
    }
    return fail(Code::internal, "no such verb");
}

}  // namespace

Result<Report> run_certs(std::span<const std::string> words, const std::string& home) {
    CertsRequest request;
    TRY(parse(words, home, request));
    auto report = perform(request);
    if (!report && report.error().code() == Code::permission_denied &&
        report.error().hint().empty())
        return fail(std::move(report).error().with_hint("give a directory of yours with --dir"));
    return report;
}

}  // namespace crank::net
