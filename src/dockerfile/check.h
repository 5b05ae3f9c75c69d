// What `crank build --check` says of a Dockerfile beside the warnings of every build. The names of
// the rules are those of BuildKit (docs.docker.com/reference/build-checks), so that a file's
// `# check=skip=RULE` means the same. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/ast.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace rule {
inline constexpr std::string_view kConsistentInstructionCasing = "ConsistentInstructionCasing";
inline constexpr std::string_view kCopyIgnoredFile = "CopyIgnoredFile";
inline constexpr std::string_view kDuplicateStageName = "DuplicateStageName";
inline constexpr std::string_view kExposeInvalidFormat = "ExposeInvalidFormat";
inline constexpr std::string_view kExposeProtoCasing = "ExposeProtoCasing";
inline constexpr std::string_view kFromAsCasing = "FromAsCasing";
inline constexpr std::string_view kFromPlatform = "FromPlatformFlagConstDisallowed";
inline constexpr std::string_view kJsonArgs = "JSONArgsRecommended";
inline constexpr std::string_view kLegacyKeyValueFormat = "LegacyKeyValueFormat";
inline constexpr std::string_view kMaintainerDeprecated = "MaintainerDeprecated";
inline constexpr std::string_view kMultipleInstructions = "MultipleInstructionsDisallowed";
inline constexpr std::string_view kNoEmptyContinuation = "NoEmptyContinuation";
inline constexpr std::string_view kRedundantTargetPlatform = "RedundantTargetPlatform";
inline constexpr std::string_view kReservedStageName = "ReservedStageName";
inline constexpr std::string_view kSecrets = "SecretsUsedInArgOrEnv";
inline constexpr std::string_view kStageNameCasing = "StageNameCasing";
inline constexpr std::string_view kUndefinedArgInFrom = "UndefinedArgInFrom";
inline constexpr std::string_view kUndefinedVar = "UndefinedVar";
inline constexpr std::string_view kWorkdirRelativePath = "WorkdirRelativePath";
}  // namespace rule

// In the file's order.
std::vector<Warning> check_syntax(const Ast& ast);

// Which rules a file's `# check=skip=A,B;error=true` leaves out.
struct CheckSettings {
    bool skip_all = false;
    std::vector<std::string> skip;

    bool skips(std::string_view rule) const;
};
// Errors: invalid_argument.
Result<CheckSettings> parse_check(std::string_view directive);

}  // namespace crank::dockerfile
