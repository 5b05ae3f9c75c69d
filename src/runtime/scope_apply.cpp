#include "runtime/scope_apply.h"

#include "runtime/scope.h"
#include "sys/holder.h"
#include "sys/systemd.h"

namespace crank::runtime {

Result<sys::Child> start_scope(const std::string& unit, std::vector<UnitProperty> properties,
                               Undo& undo) {
    sys::Systemd systemd = TRY(sys::Systemd::connect());
    sys::Child holder = TRY(sys::start_holder());
    properties.push_back(
        {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(holder.pid())}});
    TRY(systemd.start_unit(unit, properties));
    undo.add([unit] { return stop_scope(unit); });
    return holder;
}

Result<> start_containers_unit() {
    auto started = TRY(sys::Systemd::connect())
                       .start_unit(std::string(kContainersUnit), containers_unit_properties());
    // Another command was first.
    if (!started && started.error().code() == Code::already_exists) return {};
    return started;
}

Result<> stop_scope(const std::string& unit) {
    return TRY(sys::Systemd::connect()).stop_unit(unit);
}

Result<> update_scope(const std::string& unit, const std::vector<UnitProperty>& properties) {
    if (properties.empty()) return {};
    return TRY(sys::Systemd::connect()).set_properties(unit, properties);
}

}  // namespace crank::runtime
