// Values of fields, from nodes that are known to be of the right kind. Internal.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compose/service.h"

namespace crank::compose {

std::vector<std::string> texts_of(const Node& node, std::string_view field);
std::map<std::string, std::string> map_of(const Node& node, std::string_view field);
bool flag_of(const Node& node, std::string_view field, bool otherwise = false);
std::optional<std::int64_t> number_of(const Node& node, std::string_view field);
// Of a text that is a number of bytes, too.
std::optional<std::int64_t> bytes_of(const Node& node, std::string_view field);
std::chrono::nanoseconds time_of(const Node& node, std::string_view field);
const std::vector<Field>& entries_of(const Node& node, std::string_view field);
const std::vector<Node>& items_of(const Node& node, std::string_view field);
// The node at "a.b.c"; nothing where one of them is missing.
const Node* at_path(const Node& node, std::string_view path);

// What needs more than a line, in service_parts.cpp. `path` names the service in errors.
Result<std::vector<Mount>> read_mounts(const Node& service, const std::string& path,
                                       const Diagnostics& diagnostics);
// `extra_hosts` and `ulimits` of a service or of its build.
std::vector<std::pair<std::string, std::string>> read_hosts(const Node& node);
std::vector<Ulimit> read_ulimits(const Node& node);
std::optional<Build> read_build(const Node& service);
std::optional<Health> read_health(const Node& service);
Limits read_limits(const Node& service);
std::vector<GpuRequest> read_gpus(const Node& service);
std::vector<FileUse> read_files(const Node& service);
std::string read_restart(const Node& service);
// `post_start` or `pre_stop`.
std::vector<Hook> read_hooks(const Node& service, std::string_view field);
std::vector<WatchRule> read_watch(const Node& service);
// Swarm's words for a change and for the way back, and those of x-crank.rollout that say the same,
// in service_changes.cpp. Behind worker_options().
Result<void> read_changes(const Node& service, const std::string& path,
                          const Diagnostics& diagnostics, Service& read);
// A step of pre_start has the service's mounts, limits and sandbox, where it has none itself.
void inherit(const Service& service, Service& step);
// What `crank run` refuses of its flags, in service_checks.cpp: with file and line here.
Result<void> check_run_settings(const Node& service, const std::string& path,
                                const Diagnostics& diagnostics);

}  // namespace crank::compose
