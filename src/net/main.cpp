// crank-net: what crank does with TLS and X.509, in a process of its own with ordinary libraries.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/certs.h"
#include "net/keeper.h"
#include "net/serve.h"
#include "net/tls_probe.h"
#include "registry/lane.h"

namespace {

using crank::Code;
using crank::Error;

void print_line(std::FILE* to, const std::string& line) {
    if (line.empty()) return;
    std::fwrite(line.data(), 1, line.size(), to);
    if (line.back() != '\n') std::fputc('\n', to);
}

int report_error(const std::string& verb, const Error& error) {
    print_line(stderr, "crank " + verb + ": " + error.text());
    if (!error.hint().empty()) print_line(stderr, "hint: " + error.hint());
    return crank::describe(error.code()).exit_code;
}

std::string verb_of(const std::vector<std::string>& words) {
    const bool has_verb = words.size() > 1 && (words[1] == "init" || words[1] == "issue");
    return has_verb ? "certs " + words[1] : "certs";
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "registry") {
        auto served = crank::net::serve_registry({words.begin() + 1, words.end()});
        return served ? 0 : report_error("net registry", served.error());
    }
    if (!words.empty() && words[0] == "keeper") {
        auto served = crank::net::serve_keeper();
        return served ? 0 : report_error("net keeper", served.error());
    }
    if (!words.empty() && words[0] == "probe") {
        auto served = crank::net::serve_probe();
        if (!served) print_line(stderr, crank::registry::shown(served.error().text()));
        return served ? 0 : 1;
    }
    if (words.empty() || words[0] != "certs")
        return report_error("net", Error(Code::usage, "no such command").with_hint("crank certs"));
    const char* home = std::getenv("HOME");
    auto done = crank::net::run_certs(std::span(words).subspan(1), home != nullptr ? home : "");
    if (!done) return report_error(verb_of(words), done.error());
    for (const auto& line : done->data) print_line(stdout, line);
    if (std::fflush(stdout) != 0) return crank::describe(Code::io).exit_code;
    print_line(stderr, done->note);
    return 0;
}
