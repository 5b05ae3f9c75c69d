// Networks of a container that exists: of one that runs at once, of another at its next start.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/networks/endpoint.h"
#include "engine/options.h"
#include "engine/paths.h"

namespace crank::engine::networks {

// Warnings: what it will only have after another start. Errors: not_found, already_exists (it is on
// the network), failed_precondition (it has another's network, or the host's).
Result<std::vector<std::string>> connect(const Paths& paths, const Config& config,
                                         const std::string& container, const NetworkUse& use,
                                         Home home);
// Errors: not_found (also: it is not on the network).
Result<std::vector<std::string>> disconnect(const Paths& paths, const std::string& container,
                                            const std::string& network, Home home);
// It runs, at the addresses in its record: what comes to its service on these networks is led
// there. Nothing to do but for one that services lead to, or have led to.
Result<> tell_services(const Paths& paths, const Record& record, Home home);
// It has ended, and may be gone: no service leads to it any more.
Result<> tell_ended(const Paths& paths, const std::string& id, Home home);
// A container that runs has another name from now on.
Result<> rename(const Paths& paths, const Record& record, const std::string& former);

}  // namespace crank::engine::networks
