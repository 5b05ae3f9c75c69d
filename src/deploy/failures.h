// Which containers of a change failed, and what comes of it: pure. Internal.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "deploy/plan.h"

namespace crank::deploy {

class Failures {
public:
    // As a plan says.
    explicit Failures(const std::map<std::string, Tolerance>& tolerances)
        : tolerances_(tolerances) {}

    // One more of the service's. False: it is one too many, and the change ends.
    bool may_go_on(const std::string& service);
    // "1 of 4 containers of service web have failed"
    std::string count(const std::string& service) const;
    // The same, and why the last one did: what is told where the change goes on.
    std::string told(const std::string& service, const std::string& why) const;
    Tolerance of(const std::string& service) const;
    // After the change. Error: failed_precondition, where more failed than may and the others were
    // replaced all the same.
    Result<void> check() const;

private:
    bool are_too_many(const std::string& service) const;

    const std::map<std::string, Tolerance>& tolerances_;
    std::map<std::string, std::int64_t> failed_;
};

}  // namespace crank::deploy
