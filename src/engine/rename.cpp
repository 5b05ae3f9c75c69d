#include "engine/rename.h"

#include <chrono>

#include "base/crash_point.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/options.h"
#include "engine/sweep.h"
#include "sys/file.h"
#include "sys/poll.h"

namespace crank::engine {
namespace {

constexpr std::chrono::milliseconds kOtherCommand(10'000), kLookAgain(10);

// Whoever writes its record holds this lock.
Result<sys::UniqueFd> lock_record(const Paths& paths, const Record& record) {
    sys::UniqueFd dir = TRY(sys::open_dir(paths.container(record.id)));
    auto end = std::chrono::steady_clock::now() + kOtherCommand;
    while (!TRY(sys::try_lock_fd(dir.get(), sys::LockMode::exclusive, record.name))) {
        if (std::chrono::steady_clock::now() > end)
            return fail(Code::in_use, "container " + record.name + " is being started");
        TRY(sys::poll({}, kLookAgain));
    }
    return dir;
}

}  // namespace

Result<> rename(const Paths& paths, const std::string& container, const std::string& name) {
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
    if (Result<> written = write_record(paths, record); !written) {
        (void)free_name(paths, record.id, name);
        return written;
    }
    crash_point("rename.recorded");
    return free_name(paths, record.id, former);
}

}  // namespace crank::engine
