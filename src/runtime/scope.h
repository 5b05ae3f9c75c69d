// Containers in transient scopes of systemd's: what "slice:prefix:name" means and what the scope is
// told. Pure; scope_apply.h performs it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unit_property.h"
#include "oci/runtime_spec.h"

namespace crank::runtime {

struct Scope {
    std::string slice, unit;   // "machine.slice", "libpod-abc.scope"
    std::string cgroups_path;  // "/machine.slice/libpod-abc.scope"
    bool operator==(const Scope&) const = default;
};

// linux.cgroupsPath as callers of --systemd-cgroup write it: "slice:prefix:name"; a slice left out
// is system.slice; no path at all is ":crank-oci:<id>". invalid_argument: it is not of that form,
// or what it names is no unit.
Result<Scope> parse_scope(const std::string& cgroups_path, const std::string& id);
// "a-b.slice" lies in "/a.slice/a-b.slice"; "-.slice" is the root, "".
Result<std::string> path_of_slice(const std::string& slice);

// The unit that the engine's containers live in, each in a group below: one that stays without a
// process, so that a start asks systemd nothing but the first time.
inline constexpr std::string_view kContainersUnit = "crank-containers.service";
std::vector<UnitProperty> containers_unit_properties();

// The limits as systemd knows them; those it does not know stand in the group's files alone.
// invalid_argument names the field.
Result<std::vector<UnitProperty>> limit_properties(const oci::Resources& resources);
// All that the scope is started with, but for its processes (PIDs).
Result<std::vector<UnitProperty>> scope_properties(const Scope& scope, const std::string& id,
                                                   const oci::Resources& resources);

// org.systemd.property.NAME of the annotations, its value a text of GVariant's, as runc reads it;
// NAME may end in "Sec" for systemd's "USec". `own`: what the scope is told anyway, which they may
// not change. invalid_argument names the annotation.
Result<std::vector<UnitProperty>> annotated_properties(
    const std::map<std::string, std::string>& annotations, const std::vector<UnitProperty>& own);
// Where there is no scope: a warning for each.
std::vector<std::string> idle_annotations(const std::map<std::string, std::string>& annotations);

}  // namespace crank::runtime
