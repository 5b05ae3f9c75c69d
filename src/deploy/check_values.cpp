#include "deploy/check_values.h"

#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/run_options.h"
#include "policy/sysctl.h"
#include "sys/signals.h"

namespace crank::deploy {
namespace {

using compose::Node;
using compose::Position;

// In the place of what is there once containers are made.
ContainerNames stand_ins() {
    auto same = [](const std::string& name) { return name; };
    return {
        .network = same,
        .volume = same,
        .container = same,
        .file = [](const compose::FileUse& use) -> Result<std::string> { return "/" + use.key; },
        .read = [](const std::string&) -> Result<std::string> { return std::string(); }};
}

// Where they run and listen is chosen when they start.
NativePlace some_place(const compose::Service& service) {
    NativePlace place{.directory = "/", .ports = {}};
    for (const compose::Port& port : service.ports) {
        auto target = static_cast<std::uint16_t>(port.target);
        if (is_held(service, port)) place.ports[target] = target;
    }
    return place;
}

// What nothing parses before the start.
Result<engine::RunOptions> checked(engine::RunOptions options) {
    const engine::Settings& settings = options.settings;
    std::string signal = options.stop_signal.value_or("SIGTERM");
    if (!sys::signal_number(signal))
        return fail(Error(Code::invalid_argument, "stop_signal: no such signal: \"" + signal + "\"")
                        .with_hint("SIGTERM, SIGINT, SIGQUIT and the like (kill -l)"));
    policy::OwnNamespaces own{
        .ipc = settings.ipc != "host" && !settings.ipc.starts_with("container:"),
        .network = engine::has_own_network(options.network),
        .uts = settings.uts != "host"};
    for (const auto& [name, value] : settings.sysctls)
        TRY_IN(policy::check_sysctl(name, own), "sysctls");
    return options;
}

class Checks {
public:
    Checks(const compose::Project& project, const compose::Diagnostics& diagnostics)
        : project_(project), diagnostics_(diagnostics) {}

    Result<void> service(const compose::Service& service) const {
        std::string path = "services." + service.name;
        const Node* node = node_of("services", service.name);
        TRY(placed(options_of(service), service.at, node, path));
        const Node* steps = node == nullptr ? nullptr : node->find("pre_start");
        for (std::size_t i = 0; i < service.pre_start.size(); i++) {
            bool known = steps != nullptr && i < steps->items.size();
            TRY(placed(run_options(service.pre_start[i].container, stand_ins()), service.at,
                       known ? &steps->items[i] : node,
                       path + ".pre_start[" + std::to_string(i) + "]"));
        }
        return {};
    }

    Result<void> network(const compose::Network& network) const {
        if (network.external) return {};
        std::string path = "networks." + network.key;
        return placed(engine::networks::define(asked_of(network), {}), network.at,
                      node_of("networks", network.key), path);
    }

private:
    const Node* node_of(std::string_view kind, std::string_view name) const {
        const Node* all = project_.model.find(kind);
        return all == nullptr ? nullptr : all->find(name);
    }
    static Result<engine::RunOptions> options_of(const compose::Service& service) {
        if (service.native() != nullptr)
            return native_run_options(service, some_place(service), stand_ins());
        return checked(TRY(run_options(service, stand_ins())));
    }

    // What the error begins with is the field that was read: "restart: ...".
    template <class T>
    Result<void> placed(Result<T> made, Position at, const Node* node, std::string path) const {
        if (made) return {};
        std::string text = made.error().text();
        std::string before = path.substr(0, path.find(".pre_start")) + ": ";
        if (text.starts_with(before)) text.erase(0, before.size());
        std::size_t parts = 0;
        for (const std::string& part : split(text.substr(0, text.find(": ")), '.')) {
            const Node* inner = node == nullptr ? nullptr : node->find(part);
            if (inner == nullptr) break;
            node = inner;
            at = inner->at;
            parts++;
        }
        path += parts == 0 ? ": " : ".";
        Error error(made.error().code(), diagnostics_.place(at) + ": " + path + text);
        return fail(std::move(error).with_hint(made.error().hint()));
    }

    const compose::Project& project_;
    const compose::Diagnostics& diagnostics_;
};

}  // namespace

Result<void> check_values(const compose::Project& project, const compose::TypedProject& types,
                          const compose::Diagnostics& diagnostics) {
    Checks checks(project, diagnostics);
    for (const compose::Network& network : types.networks) TRY(checks.network(network));
    for (const compose::Service& service : types.services) TRY(checks.service(service));
    return {};
}

}  // namespace crank::deploy
