// Every verb by its definition.
#pragma once

#include "cli/verb.h"

namespace crank::cli {

extern const Verb kBuild, kImageBootstrap, kImages, kImport, kLoad, kRmi, kSave, kTag, kUntag;
extern const Verb kContainerExists, kImageExists, kVolumeExists;
extern const Verb kDf, kImageAnalyze, kImageDiff, kImageReferrers, kImageTree, kImageVerify, kPrune;
extern const Verb kPull, kPush, kLogin, kLogout, kSearch;
extern const Verb kCertsInit, kCertsIssue, kCertsRenew;
extern const Verb kAudit, kComposeBuild, kComposeConfig, kComposePull, kDeploy, kDev, kDown, kLock,
    kPlan, kReconcile, kReleases, kReleasesDiff, kRollback, kScale, kStatus, kUnlock, kUp;
extern const Verb kConfigGet, kConfigSet, kConfigUnset, kConfigList;
extern const Verb kCommit, kComplete, kCompletion, kContainerPrune, kCp, kDiff, kEvents, kExport,
    kHistory, kManual, kPort, kStats, kTop, kUpdate;
extern const Verb kAttach, kCreate, kHealthcheckRun, kPause, kRename, kRestart, kStart, kUnpause;
extern const Verb kExec, kInspect, kKill, kLogs, kPs, kRm, kRun, kStop, kWait, kWhy;
extern const Verb kNetworkConnect, kNetworkCreate, kNetworkDisconnect, kNetworkInspect, kNetworkLs,
    kNetworkPrune, kNetworkRm;
extern const Verb kVolumeCreate, kVolumeExport, kVolumeImport, kVolumeInspect, kVolumeLs,
    kVolumePrune, kVolumeRm;
extern const Verb kDoctor, kDoctorGpu, kInfo, kVersion;

}  // namespace crank::cli
