// login, logout.
#include <optional>

#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "oci/reference.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/terminal.h"
#include "transfer/session.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;
constexpr std::size_t kMaxSecret = 64 * 1024;

constexpr Flag kLoginFlags[] = {
    {"username", 'u', FlagKind::value, "NAME", "the user"},
    {"password", 'p', FlagKind::value, "TEXT",
     "the password: others see it in the list of processes"},
    {"password-stdin", 0, FlagKind::boolean, "", "read the password from standard input"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr std::string_view kLoginExamples[] = {
    "crank login registry.example",
    "crank login -u robot --password-stdin registry.example < token",
};
constexpr std::string_view kLogoutExamples[] = {"crank logout registry.example"};

// "https://registry.example/v2/" is what some write; without a word it is Docker's registry.
Result<std::string> domain_of(const Arguments& arguments) {
    if (arguments.words().empty()) return std::string("docker.io");
    std::string text = arguments.words()[0];
    for (std::string_view scheme : {"https://", "http://"})
        if (text.starts_with(scheme)) text.erase(0, scheme.size());
    text = text.substr(0, text.find('/'));
    if (text == "index.docker.io" || text == "registry-1.docker.io") text = "docker.io";
    // As a part of a reference: the name of a host is nothing else.
    if (!oci::Reference::parse(text + "/x"))
        return fail(Code::invalid_argument, "'" + text + "' is not the name of a registry's host");
    if (oci::Reference::parse(text + "/x")->domain != text)
        return fail(Error(Code::invalid_argument, "'" + text + "' does not look like a host")
                        .with_hint("give its port: " + text + ":443"));
    return text;
}

// One line, as it is typed; not shown where it is a secret.
Result<std::string> ask(const std::string& question, bool secret) {
    print_to(Output::err, question + ": ");
    std::optional<sys::RawMode> raw;
    if (secret) raw.emplace(TRY(sys::RawMode::enter(kStdin)));
    std::string line;
    char c = 0;
    while (true) {
        auto n = TRY(sys::read_some(kStdin, std::span(&c, 1)));
        if (!n) continue;
        if (*n == 0 || c == '\n' || c == '\r') break;
        if (secret && (c == 3 || c == 4)) return fail(Code::cancelled, "login was broken off");
        if (secret && (c == 0x7f || c == 8)) {
            if (!line.empty()) line.pop_back();
        } else if (line.size() < kMaxSecret) {
            line += c;
        }
    }
    if (secret) print_to(Output::err, "\r\n");
    return line;
}

struct Login {
    std::string user, secret;
};

Result<Login> read_login(const Arguments& arguments, const std::string& domain) {
    Login out{arguments.value("username"), arguments.value("password")};
    bool terminal = sys::is_terminal(kStdin);
    if (arguments.on("password-stdin")) {
        if (arguments.has("password"))
            return fail(Code::usage, "--password and --password-stdin exclude each other");
        if (out.user.empty()) return fail(Code::usage, "--password-stdin needs --username");
        out.secret = TRY(sys::read_all(kStdin, kMaxSecret, "standard input"));
        while (out.secret.ends_with('\n') || out.secret.ends_with('\r')) out.secret.pop_back();
    }
    if (!terminal && (out.user.empty() || out.secret.empty()))
        return fail(Error(Code::usage, "standard input is no terminal to ask for a login on")
                        .with_hint("crank login -u NAME --password-stdin " + domain + " < FILE"));
    if (out.user.empty()) out.user = TRY(ask("Username for " + domain, false));
    if (out.secret.empty()) out.secret = TRY(ask("Password", true));
    if (out.user.empty() || out.secret.empty())
        return fail(Code::usage, "a user and a password are needed");
    if (out.user.find(':') != std::string::npos)
        return fail(Code::invalid_argument, "a user's name holds no ':'");
    return out;
}

Result<transfer::Session> start(bool tls_verify) {
    return transfer::Session::start(
        {TRY(find_crank_net()), tls_verify, 1, [](const std::string& text) { note(text); }});
}

Result<int> perform_login(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string domain = TRY(domain_of(arguments));
    Login login = TRY(read_login(arguments, domain));
    if (arguments.has("password"))
        warn("--password can be seen by others of this machine: use --password-stdin");
    auto session = TRY(start(arguments.find_switch("tls-verify").value_or(true)));
    auto answer = TRY(session.first().ask(
        {{"op", "login"}, {"domain", domain}, {"user", login.user}, {"secret", login.secret}}));
    std::string stored = TRY(registry::field(answer, "stored"));
    if (stored.starts_with('/'))
        warn("the password is kept unencrypted in " + stored + ": a credential helper would not");
    print_line("Login Succeeded");
    return 0;
}

Result<int> perform_logout(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string domain = TRY(domain_of(arguments));
    auto session = TRY(start(true));
    auto answer = TRY(session.first().ask({{"op", "logout"}, {"domain", domain}}));
    if (TRY(registry::field(answer, "erased")) == "true")
        print_line("Removing login credentials for " + domain);
    else
        print_line("Not logged in to " + domain);
    return 0;
}

}  // namespace

constinit const Verb kLogin = {
    .name = "login",
    .summary = "keep a user and a password for a registry",
    .group = Group::images,
    .syntax = {.flags = kLoginFlags, .max_words = 1, .arguments = "[HOST]"},
    .examples = kLoginExamples,
    .perform = perform_login,
};
constinit const Verb kLogout = {
    .name = "logout",
    .summary = "forget them",
    .group = Group::images,
    .syntax = {.max_words = 1, .arguments = "[HOST]"},
    .examples = kLogoutExamples,
    .perform = perform_logout,
};

}  // namespace crank::cli
