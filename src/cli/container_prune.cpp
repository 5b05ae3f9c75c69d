// container prune: what `rm` does, to all that have ended.
#include <cstdint>

#include "base/units.h"
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/files/changes.h"
#include "engine/lifecycle.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "do not ask"},
    {"filter", 0, FlagKind::list, "FILTER", "until=24h, label=KEY[=VALUE]"},
};
constexpr std::string_view kExamples[] = {"crank container prune -f",
                                          "crank container prune -f --filter until=24h"};
constexpr std::string_view kFilters[] = {"label", "until"};

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Filters filters = TRY(Filters::parse(arguments.values("filter"), kFilters));
    std::int64_t before = TRY(made_before(filters));
    if (!TRY(confirmed(arguments, "container prune", "all containers that have ended"))) return 1;
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
