// systemd as a manager of units, by its own socket or the system bus: transient scopes, which are
// groups of processes that others started (org.freedesktop.systemd1(5)).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unit_property.h"
#include "sys/dbus.h"

namespace crank::sys {

// Whether systemd is this machine's first process (sd_booted(3)).
bool systemd_runs();

class Systemd {
public:
    // unsupported: nobody answers on either socket.
    static Result<Systemd> connect();
    // The user's own, by $XDG_RUNTIME_DIR.
    static Result<Systemd> connect_user(const std::string& runtime_dir);

    // Returns when the job is done. A scope takes the processes of its property PIDs.
    // already_exists: there is such a unit; one that has failed is forgotten first.
    Result<> start_unit(const std::string& name, const std::vector<UnitProperty>& properties);
    // No error where there is no such unit.
    Result<> stop_unit(const std::string& name);
    // Until the machine goes down.
    Result<> set_properties(const std::string& name, const std::vector<UnitProperty>& properties);

private:
    explicit Systemd(dbus::Connection connection) : connection_(std::move(connection)) {}
    Result<dbus::Message> call(const std::string& member, const std::string& signature,
                               std::string body, dbus::Clock::time_point deadline);
    Result<std::string> run_job(const std::string& member, const std::string& signature,
                                std::string body);
    dbus::Connection connection_;
};

}  // namespace crank::sys
