#include "cli/verbs.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace crank::cli {
namespace {

// clang-format off
constexpr const Verb* kVerbs[] = {
    &kRun, &kCreate, &kStart, &kPs, &kLogs, &kAttach, &kExec, &kStop, &kRestart, &kKill, &kPause, &kUnpause,
    &kRm, &kRename, &kWait, &kInspect, &kWhy,
    &kCp, &kTop, &kStats, &kPort, &kDiff, &kExport, &kCommit, &kUpdate, &kContainerPrune,
    &kBuild, &kImageBootstrap, &kImages, &kHistory, &kRmi, &kTag, &kSave, &kLoad, &kImport,
    &kPull, &kPush, &kLogin, &kLogout,
    &kVolumeCreate, &kVolumeLs, &kVolumeInspect, &kVolumeRm, &kVolumePrune,
    &kDf, &kPrune, &kImageVerify, &kImageTree, &kImageDiff, &kImageAnalyze, &kImageReferrers,
    &kDoctor, &kDoctorGpu, &kInfo, &kEvents, &kVersion, &kConfigGet, &kConfigSet, &kConfigUnset, &kConfigList,
    &kCertsInit, &kCertsIssue,
    &kCompletion, &kComplete, &kManual,
};
// clang-format on

constexpr Alias kAliases[] = {
    {"builder prune", "prune"},
    {"config ls", "config list"},
    {"container attach", "attach"},
    {"container commit", "commit"},
    {"container cp", "cp"},
    {"container create", "create"},
    {"container diff", "diff"},
    {"container exec", "exec"},
    {"container export", "export"},
    {"container inspect", "inspect"},
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
    {"image inspect", "inspect"},
    {"image list", "images"},
    {"image load", "load"},
    {"image ls", "images"},
    {"image prune", "prune"},
    {"image pull", "pull"},
    {"image push", "push"},
    {"image rm", "rmi"},
    {"image save", "save"},
    {"image tag", "tag"},
    {"ls", "ps"},
    {"system df", "df"},
    {"system events", "events"},
    {"system info", "info"},
    {"system prune", "prune"},
    {"volume list", "volume ls"},
    {"volume remove", "volume rm"},
};

// Docker's, which crank will have.
constexpr std::string_view kMissing[] = {
    "compose", "down", "network", "search", "system", "up",
};

const Verb* by_name(std::string_view name) {
    for (const Alias& alias : kAliases)
        if (alias.typed == name) name = alias.name;
    for (const Verb* verb : kVerbs)
        if (verb->name == name) return verb;
    return nullptr;
}

bool is_group(std::string_view word) {
    std::string prefix = std::string(word) + " ";
    for (const Verb* verb : kVerbs)
        if (verb->name.starts_with(prefix)) return true;
    for (const Alias& alias : kAliases)
        if (alias.typed.starts_with(prefix)) return true;
    return false;
}

Error unknown(const std::string& typed) {
    std::vector<std::string_view> known;
    for (const Verb* verb : kVerbs)
        if (!verb->summary.empty()) known.push_back(verb->name);
    for (const Alias& alias : kAliases) known.push_back(alias.typed);
    Error error(Code::usage, "no command \"" + typed + "\"");
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
        if (const Verb* verb = by_name(first + " " + std::string(words[1])))
            return FoundVerb{verb, 2};
    }
    if (const Verb* verb = by_name(first)) return FoundVerb{verb, 1};
    if (is_group(first)) {
        if (words.size() > 1 && !words[1].starts_with('-'))
            return fail(unknown(first + " " + std::string(words[1])));
        return fail(Error(Code::usage, "crank " + first + " wants one of " + members(first)));
    }
    if (std::find(std::begin(kMissing), std::end(kMissing), first) != std::end(kMissing))
        return fail(Code::unsupported, "crank " + first + " is not supported yet");
    return fail(unknown(first));
}

}  // namespace crank::cli
