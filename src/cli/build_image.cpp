#include "cli/build_image.h"

#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "build/host_trust.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "engine/egress.h"
#include "engine/networks/endpoint.h"
#include "runtime/host.h"
#include "sys/system.h"
#include "transfer/fetch.h"

namespace crank::cli {

std::map<std::string, std::string> environment_map() {
    std::map<std::string, std::string> all;
    for (const std::string& entry : sys::environment()) {
        std::size_t equals = entry.find('=');
        if (equals != std::string::npos) all[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    return all;
}

Result<std::optional<std::int64_t>> source_date_epoch() {
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == 0) return std::nullopt;
    auto seconds = parse_int(text);
    if (!seconds || *seconds < 0)
        return fail(Code::invalid_argument,
                    "SOURCE_DATE_EPOCH: invalid time \"" + std::string(text) + "\"");
    return seconds;
}

Result<ProgressMode> read_progress(const Arguments& arguments) {
    if (arguments.on("quiet")) return ProgressMode::quiet;
    const char* preset = std::getenv("BUILDKIT_PROGRESS");
    return parse_progress(arguments.value("progress", preset == nullptr ? "" : preset));
}

namespace {

// Of an ordinary user: his containers' bridge lies in a namespace of its own. `kept` holds it.
Result<> use_own_network(const engine::Paths& paths, std::optional<engine::Kept>& kept,
                         build::BuildRequest& request) {
    kept = TRY(engine::find_kept(paths));
    if (!kept) return {};
    request.bridge.home = kept->network.get();
    request.open_way_out = [&paths, &request, warned = false]() mutable -> Result<std::string> {
        std::string warning = TRY(engine::ensure_egress(paths, request.bridge.home));
        if (warning.empty()) return std::string(engine::kEgressResolver);
        if (!std::exchange(warned, true)) warn(warning);
        return "";
    };
    return {};
}

}  // namespace

Result<> complete_build(const engine::Paths& paths, const engine::Config& config,
                        std::optional<engine::Kept>& kept, build::BuildRequest& request) {
    if (config.flag("build.host-trust"))
        request.host_trust = TRY(build::collect_host_trust(environment_map()));
    constexpr std::string_view kAlias = "alias.";
    for (const auto& [key, value] : config.entries())
        if (key.starts_with(kAlias)) request.aliases[key.substr(kAlias.size())] = value;
    request.source_date_epoch = TRY(source_date_epoch());
    request.state_dir = paths.state;
    request.bridge = engine::networks::default_bridge(paths, config, -1);
    request.host = TRY(runtime::probe_host());
    return use_own_network(paths, kept, request);
}

std::function<Result<>(const std::string&, int)> url_fetcher(int cancel_fd) {
    return [cancel_fd](const std::string& url, int fd) -> Result<> {
        transfer::SessionOptions options{TRY(find_crank_net()), true, 1, {}, cancel_fd};
        return transfer::fetch_url(options, url, fd);
    };
}

void attend_build(ProgressMode mode, int cancel_fd, store::Store& store,
                  build::BuildRequest& request) {
    request.progress = make_progress(mode);
    request.cancel_fd = cancel_fd;
    request.fetch_image = [&store, mode, cancel_fd](const std::string& name) {
        return fetch_into(store, name, mode == ProgressMode::quiet, cancel_fd);
    };
    request.fetch_url = url_fetcher(cancel_fd);
}

}  // namespace crank::cli
