// top, port: what a running container does, and where it can be reached.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "build/program.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/processes.h"
#include "runtime/host.h"
#include "sys/child.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

// crank compose top.
constexpr Flag kTopFlags[] = {{"names", 0, FlagKind::boolean, "",
                               "of several containers, each behind its name; no PS OPTIONS"}};
constexpr std::string_view kTopExamples[] = {"crank top mail", "crank top mail -o pid,rss,args"};
constexpr std::string_view kPortExamples[] = {"crank port mail", "crank port mail 8501/tcp"};

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
    for (const std::string& entry : environment)
        if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=')
            return entry.substr(name.size() + 1);
    return "";
}

// As Docker, ps(1) of this machine says it: what it can show is what people ask for.
Result<std::string> run_ps(std::vector<std::string> options) {
    std::vector<std::string> environment = sys::environment();
    std::string program = build::find_program("ps", variable(environment, "PATH"));
    if (program.empty())
        return fail(Error(Code::failed_precondition, "this machine has no ps(1)")
                        .with_hint("Debian: apt install procps"));
    options.insert(options.begin(), "ps");
    sys::CommandOutput output = TRY(sys::run_command({.path = program,
                                                      .args = std::move(options),
                                                      .env = std::move(environment),
                                                      .fds = {},
                                                      .working_dir = ""}));
    if (output.status.shell_code() == 0) return output.out;
    std::string said(trim(output.err));
    return fail(Code::invalid_argument, "ps: " + said.substr(0, said.find('\n')));
}

// The last field keeps its blanks: it is a command line.
std::vector<std::string> fields_of(std::string_view line, std::size_t most) {
    std::vector<std::string> fields;
    while (true) {
        std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) return fields;
        line.remove_prefix(begin);
        std::size_t end = fields.size() + 1 == most ? line.size() : line.find(' ');
        fields.emplace_back(trim(line.substr(0, end)));
        if (end >= line.size()) return fields;
        line.remove_prefix(end);
    }
}

Result<std::string> only(const std::string& listing, const std::vector<pid_t>& pids) {
    std::vector<std::string> lines = split(listing, '\n');
    std::vector<std::string> header = fields_of(lines.front(), SIZE_MAX);
    auto column = std::ranges::find(header, "PID");
    if (column == header.end())
        return fail(Error(Code::invalid_argument, "ps shows no column PID with these options")
                        .with_hint("add it: crank top NAME -o pid,..."));
    auto at = static_cast<std::size_t>(column - header.begin());
    std::set<std::string> wanted;
    for (pid_t pid : pids) wanted.insert(std::to_string(pid));
    Table table(header);
    for (std::size_t i = 1; i < lines.size(); ++i) {
        std::vector<std::string> fields = fields_of(lines[i], header.size());
        if (fields.size() > at && wanted.contains(fields[at])) table.add(std::move(fields));
    }
    return table.text();
}

// Of each of several, behind its name.
Result<int> top_of_all(const Invocation& invocation) {
    runtime::HostFacts host = TRY(runtime::probe_host());
    std::string listing = TRY(run_ps({"-ef"}));
    for (const std::string& name : invocation.arguments.words()) {
        engine::Container container = TRY(engine::find(invocation.paths, name));
        print(name + "\n" + TRY(only(listing, TRY(engine::processes_of(container, host)))) + "\n");
    }
    return 0;
}

Result<int> perform_top(Invocation& invocation) {
    if (invocation.arguments.on("names")) return top_of_all(invocation);
    std::vector<std::string> options = invocation.arguments.words();
    engine::Container container = TRY(engine::find(invocation.paths, options.front()));
    options.erase(options.begin());
    // Some fields are shown only to those who ask for every process.
    if (options.empty())
        options = {"-ef"};
    else if (std::ranges::none_of(options, [](const std::string& word) {
                 return !word.starts_with('-') || word.find_first_of("eAx") == 1;
             }))
        options.insert(options.begin(), "-e");
    runtime::HostFacts host = TRY(runtime::probe_host());
    std::string listing = TRY(run_ps(std::move(options)));
    // Asked after ps: what has started meanwhile is missing, and no other has its number.
    print(TRY(only(listing, TRY(engine::processes_of(container, host)))));
    return 0;
}

std::string address_text(const engine::PublishedPort& port) {
    bool v6 = port.host_ip.find(':') != std::string::npos;
    return (v6 ? "[" + port.host_ip + "]" : port.host_ip) + ":" + std::to_string(port.host_port);
}

Result<int> perform_port(Invocation& invocation) {
    const std::vector<std::string>& words = invocation.arguments.words();
    std::string number, protocol = "tcp";
    if (words.size() > 1) {
        number = words[1].substr(0, words[1].find('/'));
        if (number != words[1]) protocol = words[1].substr(number.size() + 1);
        auto value = parse_int(number);
        if (!value || *value < 1 || *value > 65535 || protocol.empty())
            return fail(Error(Code::invalid_argument, "invalid port \"" + words[1] + "\"")
                            .with_hint("crank port NAME 8501/tcp"));
    }
    engine::Container container = TRY(engine::find(invocation.paths, words[0]));
    // Of one that has ended nothing listens.
    bool listens = container.state.pid > 0;
    std::string text;
    for (const engine::PublishedPort& port : engine::published_ports(container.record)) {
        if (!listens) break;
        std::string inside = std::to_string(port.container_port);
        if (number.empty())
            text += inside + "/" + port.protocol + " -> " + address_text(port) + "\n";
        else if (inside == number && port.protocol == protocol)
            text += address_text(port) + "\n";
    }
    if (text.empty() && !number.empty())
        return fail(Code::not_found,
                    "no public port '" + number + "/" + protocol + "' published for " + words[0]);
    print(text);
    return 0;
}

}  // namespace

constinit const Verb kTop = {
    .name = "top",
    .summary = "show the processes of a container",
    .group = Group::containers,
    .syntax = {.flags = kTopFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "CONTAINER [PS OPTIONS]"},
    .examples = kTopExamples,
    .rights = Rights::ids,
    .perform = perform_top,
};
constinit const Verb kPort = {
    .name = "port",
    .summary = "show where a container's ports are published",
    .group = Group::containers,
    .syntax = {.min_words = 1, .max_words = 2, .arguments = "CONTAINER [PORT[/PROTOCOL]]"},
    .examples = kPortExamples,
    .perform = perform_port,
};

}  // namespace crank::cli
