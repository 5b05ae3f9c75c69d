// What `crank oci` keeps of a container between two commands, and the state that it tells of it
// (runtime-spec runtime.md, "State").
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::oci {

enum class Status : std::uint8_t { creating, created, running, paused, stopped };
std::string_view name_of(Status status);

struct ContainerState {
    std::string oci_version = "1.3.0";
    std::string id;
    Status status = Status::creating;  // found out by each command, not kept
    std::int32_t pid = 0;              // of the first process, in the host's view; 0: none any more
    std::string bundle, rootfs;        // absolute
    std::string created;               // RFC 3339, UTC
    std::string owner;                 // name of the user who created it; empty: unknown
    std::map<std::string, std::string> annotations;
};

// What only crank reads.
struct ContainerRecord {
    ContainerState state;
    std::uint64_t start_time = 0;    // of the process, field 22 of /proc/PID/stat
    std::string cgroups_path;        // below the root of each hierarchy; empty: none of its own
    std::string scope;               // systemd's unit that they are; empty: none
    std::string program;             // for the errors of `start`
    std::vector<std::string> steps;  // of the plan, by number
};

// For `state`, `list` and hooks; hooks are told no more than the specification names.
enum class Detail : std::uint8_t { specified, all };
std::string serialize(const ContainerState& state, Detail detail);
std::string serialize(const std::vector<ContainerState>& states);
// What goes along with a seccomp listener (config-linux.md, "Container Process State").
std::string serialize_with_listener(const ContainerState& state, std::int32_t pid,
                                    const std::string& metadata);
std::string serialize(const ContainerRecord& record);
// Errors: corrupt.
Result<ContainerRecord> parse_container_record(std::string_view json);

}  // namespace crank::oci
