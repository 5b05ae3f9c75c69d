// container prune: what `rm` does, to all that have ended.
#include <array>
#include <cstdint>

#include "base/units.h"
#include "cli/filter.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/files/changes.h"
#include "engine/lifecycle.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/system.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;
constexpr Flag kFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER", "until=24h, label=KEY[=VALUE]"},
};
constexpr std::string_view kExamples[] = {"crank container prune -f",
                                          "crank container prune -f --filter until=24h"};
constexpr std::string_view kFilters[] = {"label", "until"};

// Asks on a terminal; elsewhere only --force says yes.
Result<bool> confirmed(const Arguments& arguments) {
    if (arguments.on("force")) return true;
    if (!sys::is_terminal(kStdin))
        return fail(
            Error(Code::usage, "container prune removes without a way back, and cannot ask here")
                .with_hint("crank container prune -f"));
    note("This removes all containers that have ended. Go on? [y/N]");
    std::array<std::uint8_t, 64> answer;
    std::size_t n = TRY(sys::read_some(kStdin, answer, "the terminal"));
    return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

// The time before which a container must have been made.
Result<std::int64_t> made_before(const Filters& filters) {
    std::int64_t now = sys::wall_clock_ns();
    if (!filters.has("until")) return now;
    auto age = parse_duration(filters.values("until").back());
    if (!age)
        return fail(std::move(age).error().with_code(Code::usage).with_context("--filter until"));
    return now - age->count();
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kFilters));
    std::int64_t before = TRY(made_before(filters));
    if (!TRY(confirmed(arguments))) return 1;
    std::int64_t bytes = 0;
    int code = 0;
    for (const engine::Container& container : TRY(engine::list(invocation.paths))) {
        const engine::Record& record = container.record;
        bool wanted = container.state.status == engine::Status::exited &&
                      record.created_ns <= before &&
                      filters.all("label", [&](const std::string& label) {
                          return matches_label(record.labels, label);
                      });
        if (!wanted) continue;
        std::int64_t its = 0;
        if (auto upper = sys::open_dir(invocation.paths.container(record.id) + "/upper"))
            its = engine::files::bytes_of(upper->get()).value_or(0);
        Result<> removed = engine::remove(invocation.paths, container, false);
        if (removed) {
            print_line(record.id);
            bytes += its;
        } else {
            report("container prune", removed.error(), invocation.debug);
            code = 1;
        }
    }
    print_line("Total reclaimed space: " + format_size(bytes));
    return code;
}

}  // namespace

constinit const Verb kContainerPrune = {
    .name = "container prune",
    .summary = "remove all containers that have ended",
    .group = Group::containers,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
