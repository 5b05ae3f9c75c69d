#include <string>

#include "base/text.h"
#include "base/units.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/update.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"memory", 'm', FlagKind::value, "SIZE", "at most so much memory"},
    {"memory-swap", 0, FlagKind::value, "SIZE", "memory and swap together (-1: no limit)"},
    {"memory-reservation", 0, FlagKind::value, "SIZE",
     "memory to be left to it when there is little (0: none)"},
    {"cpus", 0, FlagKind::value, "NUMBER", "at most so many processors (0: no limit)"},
    {"cpu-shares", 'c', FlagKind::value, "NUMBER", "weight among those who want more (1024)"},
    {"cpuset-cpus", 0, FlagKind::value, "LIST", "these processors alone: 0-2,4"},
    {"cpuset-mems", 0, FlagKind::value, "LIST", "memory of these nodes alone"},
    {"pids-limit", 0, FlagKind::value, "NUMBER", "at most so many processes (-1: no limit)"},
    {"restart", 0, FlagKind::value, "POLICY",
     "start it again when it ends: on-failure[:N], always, unless-stopped, no"},
};
constexpr MissingFlag kMissing[] = {
    {"blkio-weight", 0, true, "crank limits no disk traffic; --cpus and --memory"},
    {"cpu-period", 0, true, "--cpus=NUMBER"},
    {"cpu-quota", 0, true, "--cpus=NUMBER"},
    {"cpu-rt-period", 0, true, "--cpus=NUMBER; rtprio is a --ulimit of crank run"},
    {"cpu-rt-runtime", 0, true, "--cpus=NUMBER; rtprio is a --ulimit of crank run"},
    {"kernel-memory", 0, true, "--memory=SIZE counts the kernel's too"},
};
constexpr std::string_view kExamples[] = {"crank update --memory 2g --cpus 1.5 mail",
                                          "crank update --pids-limit 500 mail other"};

Result<std::int64_t> number_of(const Arguments& arguments, const char* flag, std::int64_t least) {
    std::string text = arguments.value(flag);
    auto number = parse_int(text);
    if (!number || *number < least)
        return fail(Code::usage, "--" + std::string(flag) + ": invalid number \"" + text + "\"");
    return *number;
}

Result<engine::NewLimits> limits_of(const Arguments& arguments) {
    engine::NewLimits limits;
    if (auto text = arguments.find("memory")) limits.memory = TRY_IN(parse_size(*text), "--memory");
    if (auto text = arguments.find("memory-swap"))
        limits.memory_swap = *text == "-1" ? -1 : TRY_IN(parse_size(*text), "--memory-swap");
    if (auto text = arguments.find("cpus"))
        limits.nano_cpus = *text == "0" ? 0 : TRY_IN(parse_cpus(*text), "--cpus");
    if (arguments.has("cpu-shares"))
        limits.cpu_shares = static_cast<std::uint64_t>(TRY(number_of(arguments, "cpu-shares", 2)));
    if (arguments.has("pids-limit")) {
        std::int64_t most = TRY(number_of(arguments, "pids-limit", -1));
        limits.pids_limit = most == 0 ? -1 : most;  // Docker: 0 and -1 mean none
    }
    if (auto text = arguments.find("memory-reservation"))
        limits.memory_reservation = TRY_IN(parse_size(*text), "--memory-reservation");
    if (auto text = arguments.find("restart"))
        limits.restart = TRY(engine::parse_restart_policy(*text));
    limits.cpuset_cpus = arguments.find("cpuset-cpus");
    limits.cpuset_mems = arguments.find("cpuset-mems");
    return limits;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    bool any = false;
    for (const Flag& flag : kFlags) any = any || arguments.has(flag.name);
    if (!any)
        return fail(Error(Code::usage, "you must provide one or more flags")
                        .with_hint("crank update --memory 2g " + arguments.words()[0]));
    engine::NewLimits limits = TRY(limits_of(arguments));
    int code = 0;
    for (const std::string& name : arguments.words()) {
        auto one = [&]() -> Result<> {
            engine::Container container = TRY(engine::find(invocation.paths, name));
            return engine::update(invocation.paths, container, limits);
        };
        Result<> done = one();
        if (done) {
            print_line(name);
        } else {
            report("update", done.error(), invocation.debug);
            code = 1;
        }
    }
    return code;
}

}  // namespace

constinit const Verb kUpdate = {
    .name = "update",
    .summary = "give containers other limits, or another restart policy, at once",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kExamples,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
