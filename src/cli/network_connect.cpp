// crank network connect and disconnect.
#include "cli/network.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/networks/connect.h"
#include "engine/options.h"

namespace crank::cli {
namespace {

namespace networks = engine::networks;

constexpr Flag kConnectFlags[] = {
    {"alias", 0, FlagKind::list, "NAME", "another name of it for who is on the network"},
    {"ip", 0, FlagKind::value, "ADDRESS", "its address on the network"},
    {"ip6", 0, FlagKind::value, "ADDRESS", "its IPv6 address on the network"},
};
constexpr MissingFlag kConnectMissing[] = {
    {"driver-opt", 0, true, "crank network create -o sets a network's options"},
    {"gw-priority", 0, true, "the first network that leads out is the way out"},
    {"link", 0, true, "--alias NAME for the other container"},
    {"link-local-ip", 0, true, "--ip ADDRESS"},
};
constexpr Flag kDisconnectFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "of no effect: it is never refused"},
};
constexpr std::string_view kConnectExamples[] = {
    "crank network connect back mail", "crank network connect --alias db --ip 10.7.0.9 back sql"};
constexpr std::string_view kDisconnectExamples[] = {"crank network disconnect back mail"};

Result<engine::NetworkUse> read_use(const Arguments& arguments) {
    engine::NetworkFlags flags{.networks = {arguments.words()[0]},
                               .aliases = arguments.values("alias"),
                               .ip = arguments.value("ip"),
                               .ip6 = arguments.value("ip6")};
    engine::RunOptions options;
    TRY(engine::apply_network_flags(flags, options));
    if (options.network != engine::NetworkMode::bridge)
        return fail(Error(Code::invalid_argument,
                          "a container cannot be connected to network " + flags.networks.front())
                        .with_hint("crank run --network " + flags.networks.front()));
    if (!options.networks.empty()) return options.networks.front();
    return engine::NetworkUse{.name = std::string(networks::kDefaultNetwork),
                              .ip = options.settings.ip};
}

Result<int> perform_connect(Invocation& invocation) {
    engine::NetworkUse use = TRY(read_use(invocation.arguments));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    NetworkHome home = TRY(network_home(invocation.paths));
    auto warnings = TRY(networks::connect(invocation.paths, config, invocation.arguments.words()[1],
                                          use, home.fd()));
    for (const std::string& warning : warnings) warn(warning);
    return 0;
}

Result<int> perform_disconnect(Invocation& invocation) {
    const auto& words = invocation.arguments.words();
    NetworkHome home = TRY(network_home(invocation.paths));
    auto warnings = TRY(networks::disconnect(invocation.paths, words[1], words[0], home.fd()));
    for (const std::string& warning : warnings) warn(warning);
    return 0;
}

}  // namespace

constinit const Verb kNetworkConnect = {
    .name = "network connect",
    .summary = "put a container on one more network",
    .group = Group::containers,
    .syntax = {.flags = kConnectFlags,
               .missing = kConnectMissing,
               .min_words = 2,
               .max_words = 2,
               .arguments = "NETWORK CONTAINER"},
    .examples = kConnectExamples,
    .rights = Rights::required,
    .perform = perform_connect,
};
constinit const Verb kNetworkDisconnect = {
    .name = "network disconnect",
    .summary = "take a container off a network",
    .group = Group::containers,
    .syntax = {.flags = kDisconnectFlags,
               .min_words = 2,
               .max_words = 2,
               .arguments = "NETWORK CONTAINER"},
    .examples = kDisconnectExamples,
    .rights = Rights::required,
    .perform = perform_disconnect,
};

}  // namespace crank::cli
