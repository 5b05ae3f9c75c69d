#include "engine/rename.h"

#include "base/crash_point.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/networks/connect.h"
#include "engine/options.h"
#include "engine/sweep.h"

namespace crank::engine {

Result<> rename(const Paths& paths, const std::string& container, const std::string& name,
                const std::function<void(Record&)>& edit) {
    TRY(check_name(name));
    Container found = TRY(find(paths, container));
    sys::UniqueFd lock = TRY(lock_record(paths, found.record));
    Record record = TRY(load(paths, found.record.id)).record;
    std::string former = record.name;
    if (former == name)
        return fail(Code::invalid_argument, "container " + name + " has that name already");
    TRY(take_name(paths, record.id, name));
    crash_point("rename.taken");
    record.name = name;
    if (edit) edit(record);
    if (Result<> written = write_record(paths, record); !written) {
        (void)free_name(paths, record.id, name);
        return written;
    }
    crash_point("rename.recorded");
    TRY(free_name(paths, record.id, former));
    if (!record.networks.empty()) TRY(networks::rename(paths, record, former));
    note_container(paths, record, "rename", {{"oldName", former}});
    return {};
}

}  // namespace crank::engine
