#include "cli/verbs.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "cli/compose_words.h"

namespace crank::cli {
namespace {

// clang-format off
constexpr const Verb* kVerbs[] = {
    &kRun, &kCreate, &kStart, &kPs, &kLogs, &kAttach, &kExec, &kStop, &kRestart, &kKill, &kPause, &kUnpause,
    &kRm, &kRename, &kWait, &kInspect, &kWhy, &kHealthcheckRun,
    &kUp, &kDown, &kPlan, &kDeploy, &kDev, &kStatus, &kReleases, &kReleasesDiff, &kRollback, &kScale, &kReconcile,
    &kLock, &kUnlock, &kAudit,
    &kCp, &kTop, &kStats, &kPort, &kDiff, &kExport, &kCommit, &kUpdate, &kContainerExists, &kContainerPrune,
    &kBuild, &kImageBootstrap, &kImages, &kHistory, &kRmi, &kTag, &kUntag, &kSave, &kLoad, &kImport,
    &kPull, &kPush, &kSearch, &kLogin, &kLogout,
    &kVolumeCreate, &kVolumeLs, &kVolumeInspect, &kVolumeRm, &kVolumePrune, &kVolumeExists,
    &kVolumeExport, &kVolumeImport,
    &kNetworkCreate, &kNetworkLs, &kNetworkInspect, &kNetworkConnect, &kNetworkDisconnect, &kNetworkRm, &kNetworkPrune,
    &kDf, &kPrune, &kImageExists, &kImageVerify, &kImageTree, &kImageDiff, &kImageAnalyze, &kImageReferrers,
    &kDoctor, &kDoctorGpu, &kInfo, &kEvents, &kVersion, &kComposeBuild, &kComposePull, &kComposeConfig, &kConfigGet, &kConfigSet, &kConfigUnset, &kConfigList,
    &kCertsInit, &kCertsIssue, &kCertsRenew,
    &kCompletion, &kComplete, &kManual,
};
// clang-format on

constexpr std::string_view kSwarm = "crank up deploys a compose file on this machine";

constexpr Alias kAliases[] = {
    {"builder build", "build"},
    {"builder prune", "prune"},
    {"buildx build", "build"},
    {"buildx prune", "prune"},
    {"compose config", "config"},
    {"compose down", "down"},
    {"compose ps", "status"},
    {"compose scale", "scale"},
    {"compose up", "up"},
    {"compose watch", "dev"},
    {"config ls", "config list"},
    {"container attach", "attach"},
    {"container commit", "commit"},
    {"container cp", "cp"},
    {"container create", "create"},
    {"container diff", "diff"},
    {"container exec", "exec"},
    {"container export", "export"},
    {"container inspect", "inspect", "--type=container"},
    {"container kill", "kill"},
    {"container list", "ps"},
    {"container logs", "logs"},
    {"container ls", "ps"},
    {"container pause", "pause"},
    {"container port", "port"},
    {"container ps", "ps"},
    {"container rename", "rename"},
    {"container restart", "restart"},
    {"container rm", "rm"},
    {"container run", "run"},
    {"container start", "start"},
    {"container stats", "stats"},
    {"container stop", "stop"},
    {"container top", "top"},
    {"container unpause", "unpause"},
    {"container update", "update"},
    {"container wait", "wait"},
    {"image build", "build"},
    {"image history", "history"},
    {"image import", "import"},
    {"image inspect", "inspect", "--type=image"},
    {"image list", "images"},
    {"image load", "load"},
    {"image ls", "images"},
    {"image prune", "prune"},
    {"image pull", "pull"},
    {"image push", "push"},
    {"image rm", "rmi"},
    {"image save", "save"},
    {"image tag", "tag"},
    {"image untag", "untag"},
    {"ls", "ps"},
    {"network list", "network ls"},
    {"network remove", "network rm"},
    {"system df", "df"},
    {"system events", "events"},
    {"system info", "info"},
    {"system prune", "prune"},
    {"volume list", "volume ls"},
    {"volume remove", "volume rm"},
};

// Docker's, which crank has not, and what is nearest to each.
struct MissingVerb {
    std::string_view name, instead;
};
constexpr MissingVerb kMissing[] = {
    {"checkpoint", "crank pause and crank unpause stop a worker for a while"},
    {"context", "crank works on this machine; ssh HOST crank ..."},
    {"manifest", "crank inspect shows an image, crank push sends it"},
    {"node", kSwarm},
    {"plugin", "crank has none: volumes are directories, networks are bridges"},
    {"scout", "crank image analyze, crank image verify"},
    {"secret", "secrets: of a compose file, or crank build --secret"},
    {"service", kSwarm},
    {"stack", kSwarm},
    {"swarm", kSwarm},
    {"trust", "crank image verify"},
};

FoundVerb by_name(std::string_view name) {
    FoundVerb found;
    for (const Alias& alias : kAliases) {
        if (alias.typed != name) continue;
        name = alias.name;
        found.flag = alias.flag;
        break;
    }
    for (const Verb* verb : kVerbs)
        if (verb->name == name) found.verb = verb;
    return found;
}

bool is_group(std::string_view word) {
    std::string prefix = std::string(word) + " ";
    for (const Verb* verb : kVerbs)
        if (verb->name.starts_with(prefix)) return true;
    for (const Alias& alias : kAliases)
        if (alias.typed.starts_with(prefix)) return true;
    return false;
}

// Verbs whose second word it is: "crank image bootstrap" for "bootstrap".
std::string longer_verbs(const std::string& typed) {
    std::vector<std::string> names;
    for (const Verb* verb : kVerbs)
        if (verb->name.ends_with(" " + typed)) names.push_back("crank " + std::string(verb->name));
    return join(names, " or ");
}

Error unknown(const std::string& typed) {
    std::vector<std::string_view> known;
    for (const Verb* verb : kVerbs)
        if (!verb->summary.empty()) known.push_back(verb->name);
    for (const Alias& alias : kAliases) known.push_back(alias.typed);
    Error error(Code::usage, "no command \"" + typed + "\"");
    if (std::string longer = longer_verbs(typed); !longer.empty())
        return std::move(error).with_hint("did you mean " + longer + "?");
    if (auto near = did_you_mean(typed, known))
        return std::move(error).with_hint("did you mean crank " + *near + "?");
    return std::move(error).with_hint("crank --help");
}

std::string members(std::string_view group) {
    std::string prefix = std::string(group) + " ", text;
    for (const Verb* verb : kVerbs)
        if (verb->name.starts_with(prefix))
            text += "|" + std::string(verb->name.substr(prefix.size()));
    for (const Alias& alias : kAliases)
        if (alias.typed.starts_with(prefix))
            text += "|" + std::string(alias.typed.substr(prefix.size()));
    return text.empty() ? text : text.substr(1);
}

}  // namespace

int exit_code_for(const Verb& verb, const Error& error) {
    if (error.code() == Code::cannot_invoke || error.code() == Code::command_not_found)
        return describe(error.code()).exit_code;
    return verb.engine_failure != 0 ? verb.engine_failure : describe(error.code()).exit_code;
}

std::span<const Verb* const> verbs() { return kVerbs; }
std::span<const Alias> aliases() { return kAliases; }

Result<FoundVerb> find_verb_named(std::span<const std::string_view> words) {
    std::string first(words[0]);
    if (words.size() > 1) {
        FoundVerb found = by_name(first + " " + std::string(words[1]));
        found.words = 2;
        if (found.verb != nullptr) return found;
    }
    FoundVerb found = by_name(first);
    found.words = 1;
    if (found.verb != nullptr) return found;
    if (is_group(first)) {
        auto instead =
            first == "compose" && words.size() > 1 ? instead_of_compose(words[1]) : std::nullopt;
        if (instead)
            return fail(Error(Code::usage, "no command \"compose " + std::string(words[1]) + "\"")
                            .with_hint(*instead));
        if (words.size() > 1 && !words[1].starts_with('-'))
            return fail(unknown(first + " " + std::string(words[1])));
        return fail(Error(Code::usage, "crank " + first + " wants one of " + members(first))
                        .with_hint(first == "compose" ? "crank compose --help" : ""));
    }
    const auto* missing = std::ranges::find(kMissing, first, &MissingVerb::name);
    if (missing != std::end(kMissing))
        return fail(Error(Code::unsupported, "crank " + first + " is not supported yet")
                        .with_hint(std::string(missing->instead)));
    return fail(unknown(first));
}

}  // namespace crank::cli
