// Secrets and configs of a service that runs natively. Pure.
#pragma once

#include <string>
#include <string_view>

#include "compose/diagnostics.h"
#include "compose/native.h"
#include "compose/node.h"

namespace crank::compose {

// What says where they are.
inline constexpr std::string_view kSecretsVariable = "SECRETS_DIR",
                                  kConfigsVariable = "CONFIGS_DIR";
// The name, in the directory that the variable says, of what a container has at `target`.
std::string native_file_name(std::string_view target);

// Warns of each of which the place, the owner or the mode is another than in a container, and of
// variables that say where a container has its secrets. Errors: two with one name, or without any.
Result<void> check_native_files(const Node& service, const std::string& path,
                                const NativeOptions& options, Diagnostics& diagnostics);

}  // namespace crank::compose
