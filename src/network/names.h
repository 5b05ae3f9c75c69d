// Names of the containers on a network, as links: state_dir/names/NAME/10.205.0.2 leads to the
// container's id, and behind a blank to its IPv6 address. An entry counts while the lease of that
// address is the same container's, so what a crash leaves behind says nothing. A name is added and
// looked up at a cost that does not grow with the number of containers; who answers is the shim
// (shim/names.h).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "network/network.h"

namespace crank::network {

// NAME in lower case, as it is looked up.
std::string names_dir(const std::string& state_dir, const std::string& name);

// Every name of `names` leads to the attachment's addresses from now on; the first one is what its
// address leads back to. Returns the links, absolute, which unlinking takes back. Two with the same
// name are normal: both are answered.
Result<std::vector<std::string>> add_names(const std::string& state_dir,
                                           const Attachment& attachment,
                                           const std::vector<std::string>& names);
// What add_names() returned; one that is gone, or another container's by now, is no error.
void remove_names(const std::vector<std::string>& links, const std::string& container_id);

}  // namespace crank::network
