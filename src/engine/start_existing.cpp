#include "engine/start_existing.h"

#include "engine/gateway.h"
#include "engine/native/start.h"
#include "engine/networks/connect.h"
#include "engine/rootless.h"

namespace crank::engine {
namespace {

// Where the bridges lie: beside this process, or an ordinary user's.
struct BridgeHome {
    std::optional<Kept> kept;
    networks::Home home() const { return kept ? kept->network.get() : -1; }
};
Result<BridgeHome> bridge_home(const Paths& paths) { return BridgeHome{TRY(find_kept(paths))}; }

Result<> tell_services(const Paths& paths, const Record& record) {
    if (record.networks.empty()) return {};
    BridgeHome where = TRY(bridge_home(paths));
    return networks::tell_services(paths, record, where.home());
}

}  // namespace

Result<> note_ended(const Paths& paths, const std::string& id) {
    BridgeHome where = TRY(bridge_home(paths));
    return networks::tell_ended(paths, id, where.home());
}

Result<std::optional<local::Started>> start_existing(local::StartRequest request,
                                                     const std::string& id, Starter starter) {
    std::optional<StartAttempt> attempt = TRY(StartAttempt::begin(request.paths, id, starter));
    if (!attempt) return std::nullopt;
    const Record& record = attempt->container().record;
    // The request moves on.
    const Paths paths = request.paths;
    request.restart_count = starter == Starter::monitor ? record.restart_count + 1 : 0;
    // That it is started again for its health the end says; one that ended otherwise in between
    // begins no new row.
    const auto& asked = attempt->container().state.asked;
    bool unhealthy = asked && asked->verb == kUnhealthy;
    if (starter == Starter::monitor)
        request.unhealthy_restarts = unhealthy ? asked->restarts : record.unhealthy_restarts;
    auto start = record.kind == Kind::native ? native::start_again : local::start_again;
    Result<local::Started> started = start(std::move(request), *attempt);
    if (!started) {
        attempt->failed(started.error());
        return fail(std::move(started).error());
    }
    // It runs: a gateway that does not answer is the next `crank up`'s affair.
    for (const Result<>& told : {tell_gateway(paths, started->record, started->running.pid()),
                                 tell_services(paths, started->record)})
        if (!told) started->record.warnings.push_back(told.error().text());
    attempt->done();
    return std::optional(std::move(*started));
}

}  // namespace crank::engine
