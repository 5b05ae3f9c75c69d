// What a CDI file must hold to, beyond its types (SPEC.md). Internal to the room.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/cdi.h"
#include "oci/json_reader.h"

namespace crank::oci::cdi {

// Each names its field in `in`.
Result<> check_version(const ObjectReader& in, const std::string& version);
Result<> check_kind(const ObjectReader& in, const std::string& kind);
Result<> check_annotations(const ObjectReader& in,
                           const std::map<std::string, std::string>& annotations);
// `before`: the devices of the file that come first.
Result<> check_device_name(const ObjectReader& in, const std::string& name,
                           const std::vector<Device>& before);
Result<> check_env(const ObjectReader& in, const std::vector<std::string>& env);
Result<> check_node(const ObjectReader& in, const DeviceNode& node);
Result<> check_mount(const ObjectReader& in, const Mount& mount);
Result<> check_hook(const ObjectReader& in, const Hook& hook);
Result<> check_rdt(const ObjectReader& in, const IntelRdt& rdt);
Result<> check_net_device(const ObjectReader& in, const NetDevice& device,
                          const std::vector<NetDevice>& before);
// A file may use only what its version has: an older reader would refuse it.
Result<> check_minimum_version(const Spec& spec);

bool is_vendor_or_class(std::string_view name);
bool is_device_name(std::string_view name);

}  // namespace crank::oci::cdi
