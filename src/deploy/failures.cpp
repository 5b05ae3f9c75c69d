#include "deploy/failures.h"

namespace crank::deploy {

Tolerance Failures::of(const std::string& service) const {
    auto found = tolerances_.find(service);
    return found == tolerances_.end() ? Tolerance{} : found->second;
}

bool Failures::are_too_many(const std::string& service) const {
    auto failed = failed_.find(service);
    if (failed == failed_.end()) return false;
    Tolerance tolerance = of(service);
    if (tolerance.replaced == 0) return true;
    return double(failed->second) / double(tolerance.replaced) > tolerance.ratio;
}

bool Failures::may_go_on(const std::string& service) {
    failed_[service]++;
    return of(service).goes_on || !are_too_many(service);
}

std::string Failures::count(const std::string& service) const {
    auto failed = failed_.find(service);
    std::int64_t number = failed == failed_.end() ? 0 : failed->second;
    return std::to_string(number) + " of " + std::to_string(of(service).replaced) +
           " containers of service " + service + (number == 1 ? " has failed" : " have failed");
}

std::string Failures::told(const std::string& service, const std::string& why) const {
    return count(service) + ", and the change goes on: " + why;
}

Result<void> Failures::check() const {
    for (const auto& [service, number] : failed_)
        if (are_too_many(service)) return fail(Code::failed_precondition, count(service));
    return {};
}

}  // namespace crank::deploy
