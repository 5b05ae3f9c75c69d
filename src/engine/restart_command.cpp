#include "engine/restart_command.h"

#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

shim::Restart when_of(RestartPolicy::Kind kind) {
    using Kind = RestartPolicy::Kind;
    switch (kind) {
        case Kind::no: break;
        case Kind::on_failure: return shim::Restart::on_failure;
        // They differ once the machine has been restarted, which nothing of crank's survives.
        case Kind::always:
        case Kind::unless_stopped: return shim::Restart::always;
    }
    return shim::Restart::never;
}

}  // namespace

runtime::Restart restart_of(const Paths& paths, const Record& record, std::uint32_t last_delay_ms) {
    runtime::Restart restart;
    restart.when = when_of(record.restart.kind);
    if (restart.when == shim::Restart::never) return restart;
    restart.most = static_cast<std::uint32_t>(record.restart.most);
    restart.count = static_cast<std::uint32_t>(record.restart_count);
    restart.last_delay_ms = last_delay_ms;
    restart.command = {sys::real_path("/proc/self/exe").value_or("/usr/bin/crank"),
                       "--root",
                       paths.root,
                       "--state",
                       paths.state,
                       "--config",
                       paths.config,
                       "start",
                       record.id,
                       "--again"};
    if (record.kind == Kind::native) restart.environment = sys::environment();
    return restart;
}

}  // namespace crank::engine
