// The "linux" part of config.json (runtime-spec v1.2, config-linux.md). Internal to oci.
#pragma once

#include "oci/json_reader.h"
#include "oci/runtime_spec.h"

namespace crank::oci {

Result<> read_resources(ObjectReader& in, Resources& out);
Json to_json(const Resources& resources);
Result<> read_mappings(ObjectReader& parent, std::string_view name, std::vector<IdMapping>& out);
Result<> read_seccomp_args(ObjectReader& rule, std::vector<SeccompArg>& out);
Result<> read_linux(ObjectReader& in, Linux& out);

}  // namespace crank::oci
