// The options of a mount in config.json: attributes, propagation, id maps, and what is left for the
// file system. Internal to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace crank::runtime {

struct ParsedOptions {
    std::uint64_t attributes = 0;
    std::uint64_t recursive_attributes = 0;  // of what is mounted below as well
    bool bind = false, recursive = false;
    std::uint64_t propagation = 0;  // MS_*; 0: private
    std::uint64_t cleared = 0;      // of the mounts below too
    Plan::Bind::Ids ids = Plan::Bind::Ids::kept;
    std::vector<oci::IdMapping> uid_mappings, gid_mappings;  // of this mount alone
    std::vector<std::string> data;                           // what belongs to the file system
};

Result<ParsedOptions> parse_options(const oci::Mount& mount);
// "rslave" as MS_*; nothing: it is no propagation.
std::optional<std::uint64_t> propagation_of(std::string_view option);
Result<> check_mapped_mount(const oci::Mount& mount, const ParsedOptions& options,
                            bool user_namespace);

}  // namespace crank::runtime
