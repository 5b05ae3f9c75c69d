#include "engine/start_existing.h"

#include "engine/native/start.h"

namespace crank::engine {

Result<std::optional<local::Started>> start_existing(local::StartRequest request,
                                                     const std::string& id, Starter starter) {
    std::optional<StartAttempt> attempt = TRY(StartAttempt::begin(request.paths, id, starter));
    if (!attempt) return std::nullopt;
    const Record& record = attempt->container().record;
    request.restart_count = starter == Starter::monitor ? record.restart_count + 1 : 0;
    auto start = record.kind == Kind::native ? native::start_again : local::start_again;
    Result<local::Started> started = start(std::move(request), *attempt);
    if (!started) {
        attempt->failed(started.error());
        return fail(std::move(started).error());
    }
    attempt->done();
    return std::optional(std::move(*started));
}

}  // namespace crank::engine
