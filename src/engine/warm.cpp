#include "engine/warm.h"

#include "base/crash_point.h"
#include "base/text.h"
#include "engine/gpu/held.h"
#include "engine/lifecycle.h"
#include "engine/networks/hush.h"
#include "engine/pause.h"
#include "engine/processes.h"
#include "engine/project_labels.h"
#include "engine/rename.h"
#include "runtime/host.h"

namespace crank::engine {

Result<> set_aside(const Paths& paths, const std::string& id, std::int64_t until_ns) {
    Container found = TRY(find(paths, id));
    {
        sys::UniqueFd lock = TRY(lock_record(paths, found.record));
        found = TRY(load(paths, id));
        found.record.labels[std::string(kWarmLabel)] = std::to_string(until_ns);
        TRY(write_record(paths, found.record));
    }
    crash_point("warm.labelled");
    networks::hush(paths, found.record);
    TRY(pause(paths, found));
    crash_point("warm.frozen");
    return {};
}

Result<> take_back(const Paths& paths, const std::string& id, const std::string& name) {
    Container found = TRY(find(paths, id));
    if (found.state.status != Status::running) return fail(not_running(found.record));
    TRY(thaw(paths, found));
    crash_point("warm.thawed");
    TRY(rename(paths, id, name,
               [](Record& record) { record.labels.erase(std::string(kWarmLabel)); }));
    return networks::speak(paths, TRY(load(paths, id)).record);
}

bool holds_gpu(const Container& container) {
    if (container.record.kind != Kind::native) return false;
    auto host = runtime::probe_host();
    auto processes = host ? processes_of(container, *host) : fail(std::move(host.error()));
    return !processes || gpu::is_held_by({"/", ""}, *processes);
}

std::optional<std::int64_t> warm_until(const Record& record) {
    auto label = record.labels.find(std::string(kWarmLabel));
    if (label == record.labels.end()) return std::nullopt;
    return parse_int(label->second).value_or(0);
}

}  // namespace crank::engine
