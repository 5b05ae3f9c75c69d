#include "oci/container_state.h"

#include "oci/json_reader.h"

namespace crank::oci {
namespace {

constexpr Code kBad = Code::corrupt;

// In runc's order, which people read and some of its users' scripts match.
using Ordered = nlohmann::ordered_json;

std::string line_of(const Ordered& value) {
    return value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

Ordered to_json(const ContainerState& state, Detail detail) {
    Ordered out{{"ociVersion", state.oci_version}, {"id", state.id}};
    // runtime.md: the pid is there unless the container has stopped; runc tells 0, which its users
    // read.
    if (state.pid != 0 || detail == Detail::all) out["pid"] = state.pid;
    out["status"] = name_of(state.status);
    out["bundle"] = state.bundle;
    if (detail == Detail::all) {
        out["rootfs"] = state.rootfs;
        out["created"] = state.created;
    }
    if (!state.annotations.empty()) out["annotations"] = state.annotations;
    if (detail == Detail::all) out["owner"] = state.owner;
    return out;
}

Result<ContainerRecord> read_record(const Json& root) {
    auto in = TRY(ObjectReader::create(root, "", kBad));
    ContainerRecord record;
    ContainerState& state = record.state;
    TRY(in.require("id"));
    TRY(in.read("ociVersion", state.oci_version));
    TRY(in.read("id", state.id));
    TRY(in.require("pid"));
    TRY(in.read("pid", state.pid));
    TRY(in.read("bundle", state.bundle));
    TRY(in.read("rootfs", state.rootfs));
    TRY(in.read("created", state.created));
    TRY(in.read("owner", state.owner));
    TRY(in.read("annotations", state.annotations));
    TRY(in.require("startTime"));
    TRY(in.read("startTime", record.start_time));
    TRY(in.read("cgroupsPath", record.cgroups_path));
    TRY(in.read("scope", record.scope));
    TRY(in.read("program", record.program));
    TRY(in.read("steps", record.steps));
    return record;
}

}  // namespace

std::string_view name_of(Status status) {
    switch (status) {
        case Status::creating: return "creating";
        case Status::created: return "created";
        case Status::running: return "running";
        case Status::paused: return "paused";
        case Status::stopped: return "stopped";
    }
    return "";
}

std::string serialize(const ContainerState& state, Detail detail) {
    return line_of(to_json(state, detail));
}

std::string serialize(const std::vector<ContainerState>& states) {
    Ordered out = Ordered::array();
    for (const ContainerState& state : states) out.push_back(to_json(state, Detail::all));
    return line_of(out);
}

std::string serialize_with_listener(const ContainerState& state, std::int32_t pid,
                                    const std::string& metadata) {
    Ordered out{{"ociVersion", state.oci_version},
                {"fds", {"seccompFd"}},
                {"pid", pid},
                {"state", to_json(state, Detail::specified)}};
    if (!metadata.empty()) out["metadata"] = metadata;
    return line_of(out);
}

std::string serialize(const ContainerRecord& record) {
    Ordered out = to_json(record.state, Detail::all);
    out.erase("status");
    out["startTime"] = record.start_time;
    if (!record.cgroups_path.empty()) out["cgroupsPath"] = record.cgroups_path;
    if (!record.scope.empty()) out["scope"] = record.scope;
    if (!record.program.empty()) out["program"] = record.program;
    if (!record.steps.empty()) out["steps"] = record.steps;
    return line_of(out);
}

Result<ContainerRecord> parse_container_record(std::string_view json) {
    Json root = TRY_IN(parse_json(json, kBad), "container record");
    return TRY_IN(read_record(root), "container record");
}

}  // namespace crank::oci
