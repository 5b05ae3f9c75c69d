// A property of a unit of systemd's (systemd.resource-control(5), org.freedesktop.systemd1(5)), as
// a plan has it and sys hands it over.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace crank {

struct UnitCommand {  // of ExecStart
    std::string path;
    std::vector<std::string> args;  // args[0] is the process's name
    bool operator==(const UnitCommand&) const = default;
};

struct UnitProperty {
    std::string name;
    std::variant<bool, std::int32_t, std::uint64_t, std::string, std::vector<std::uint32_t>,
                 std::vector<std::uint8_t>, std::vector<std::string>, UnitCommand>
        value;
    bool operator==(const UnitProperty&) const = default;
};

}  // namespace crank
