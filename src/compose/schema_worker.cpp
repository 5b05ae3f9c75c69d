#include "compose/schema_parts.h"

namespace crank::compose {
namespace {

using enum Shape;
constexpr Support kRead = Support::read;

constexpr FieldSpec kLiveFields[] = {{.name = "url", .required = true},
                                     {.name = "retries", .shape = integer}};
constexpr ObjectSpec kLive = {.what = "a live probe", .fields = kLiveFields, .short_field = "url"};
constexpr FieldSpec kProbeFields[] = {
    {.name = "url"},
    {.name = "interval", .shape = duration},
    {.name = "timeout", .shape = duration},
    {.name = "start_period", .shape = duration},
    {.name = "retries", .shape = integer},
    {.name = "start_interval", .shape = duration},
    {.name = "live", .shape = object, .of = &kLive},
};
constexpr ObjectSpec kProbe = {.what = "a probe", .fields = kProbeFields, .short_field = "url"};
constexpr FieldSpec kCanaryFields[] = {
    {.name = "share", .required = true},
    {.name = "for", .shape = duration},
    {.name = "errors"},
};
constexpr ObjectSpec kCanary = {
    .what = "a canary", .fields = kCanaryFields, .short_field = "share"};
constexpr FieldSpec kRolloutFields[] = {
    {.name = "canary", .shape = object, .of = &kCanary},
    {.name = "order", .choices = "start-first|stop-first"},
    {.name = "drain", .shape = duration},
    {.name = "keep_warm", .shape = duration},
    {.name = "watch", .shape = duration},
    {.name = "timeout", .shape = duration},
    {.name = "revert", .shape = boolean},
};
constexpr ObjectSpec kRollout = {.what = "a rollout", .fields = kRolloutFields};
constexpr FieldSpec kNativeFields[] = {{.name = "command", .shape = command, .replaces = true},
                                       {.name = "directory"},
                                       {.name = "environment", .shape = pairs},
                                       {.name = "own_ports", .shape = boolean},
                                       {.name = "port_variable"},
                                       {.name = "setup", .shape = text_or_texts, .replaces = true},
                                       {.name = "when", .shape = text_or_texts, .replaces = true}};
constexpr ObjectSpec kNative = {.what = "native", .fields = kNativeFields};
constexpr FieldSpec kCertificateFields[] = {
    {.name = "name"},
    {.name = "directory"},
    {.name = "dns", .shape = texts, .key = Key::name},
    {.name = "days", .shape = integer},
};
constexpr ObjectSpec kCertificate = {.what = "a certificate", .fields = kCertificateFields};
constexpr FieldSpec kWorkerFields[] = {
    {.name = "capabilities", .shape = texts, .support = kRead, .key = Key::name},
    {.name = "certificate", .shape = flag_or, .of = &kCertificate},
    {.name = "egress", .shape = texts, .support = kRead, .key = Key::name},
    {.name = "native", .shape = flag_or, .of = &kNative},
    {.name = "on_unhealthy"},
    {.name = "probe", .shape = object, .of = &kProbe},
    {.name = "rollout", .shape = object, .of = &kRollout},
    {.name = "sandbox", .choices = "default|strict"},
};

}  // namespace

constinit const ObjectSpec kWorker = {.what = "x-crank", .fields = kWorkerFields};

}  // namespace crank::compose
