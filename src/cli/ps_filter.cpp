#include "cli/ps_filter.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "cli/describe_health.h"
#include "cli/shown.h"
#include "engine/lifecycle.h"
#include "oci/reference.h"
#include "store/store.h"
#include "sys/pattern.h"

namespace crank::cli {
namespace {

using engine::Container;

constexpr std::string_view kKnown[] = {
    "ancestor", "before",  "exited",  "expose",         "health", "id",     "label",
    "name",     "network", "publish", "restart-policy", "since",  "status", "volume"};
constexpr std::string_view kStatuses[] = {"created",  "dead",       "exited",  "paused",
                                          "removing", "restarting", "running", "stopped"};
constexpr std::string_view kHealths[] = {"healthy", "none", "starting", "unhealthy"};

Result<> check_words(const Filters& filters, const char* key,
                     std::span<const std::string_view> known) {
    for (const std::string& word : filters.values(key))
        if (std::ranges::find(known, word) == known.end()) {
            std::string all;
            for (std::string_view name : known)
                all += (all.empty() ? "" : ", ") + std::string(name);
            return fail(Code::usage,
                        "--filter " + std::string(key) + "=" + word + ": one of " + all);
        }
    return {};
}

// "80", "80/udp", "8000-8010/tcp".
struct Ports {
    std::int64_t first = 0, last = 0;
    std::string protocol = "tcp";
    bool contain(std::int64_t port, const std::string& its_protocol) const {
        return port >= first && port <= last && its_protocol == protocol;
    }
};
Result<Ports> parse_ports(const std::string& text) {
    std::size_t slash = text.find('/');
    std::string numbers = text.substr(0, slash);
    std::size_t dash = numbers.find('-');
    auto first = parse_int(numbers.substr(0, dash));
    auto last = dash == std::string::npos ? first : parse_int(numbers.substr(dash + 1));
    if (!first || !last || *first < 1 || *last > 65535 || *first > *last)
        return fail(Code::usage, "--filter: invalid port \"" + text + "\"");
    return Ports{*first, *last, slash == std::string::npos ? "tcp" : text.substr(slash + 1)};
}

Result<std::vector<Ports>> ports_of(const Filters& filters) {
    std::vector<Ports> all;
    for (const char* key : {"publish", "expose"})
        for (const std::string& text : filters.values(key)) all.push_back(TRY(parse_ports(text)));
    return all;
}

// Docker's: an expression, found anywhere in the name; of a plain text that is what it contains.
bool matches_name(const std::string& name, std::string pattern) {
    if (pattern.starts_with('/')) pattern.erase(0, 1);
    if (pattern.starts_with("^/")) pattern.erase(1, 1);
    Result<sys::Pattern> expression = sys::Pattern::create(pattern);
    return expression && expression->matches(name);
}

// The beginning of it in either case, or an expression.
bool matches_id(const std::string& id, const std::string& wanted) {
    if (id.starts_with(to_lower(wanted))) return true;
    if (wanted.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) return false;
    Result<sys::Pattern> expression = sys::Pattern::create(wanted);
    return expression && expression->matches(id);
}

// Images that are one of those named, or were made from one.
class Ancestors {
public:
    static Result<Ancestors> find(const engine::Paths& paths, const Filters& filters) {
        Ancestors ancestors;
        if (!filters.has("ancestor")) return ancestors;
        Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
        if (!store) return ancestors;  // then there is no such image
        ancestors.store_.emplace(std::move(*store));
        for (const std::string& name : filters.values("ancestor"))
            if (Result<store::Image> image = ancestors.store_->find(name))
                ancestors.images_.push_back(std::move(*image));
        return ancestors;
    }
    bool contain(const engine::Record& record) {
        for (const store::Image& ancestor : images_) {
            if (ancestor.id.str() == record.image_id) return true;
            Result<store::Image> own = store_->find(record.image_id);
            if (!own) continue;
            const auto& below = ancestor.config.diff_ids;
            const auto& all = own->config.diff_ids;
            if (!below.empty() && below.size() <= all.size() &&
                std::equal(below.begin(), below.end(), all.begin()))
                return true;
        }
        return false;
    }

private:
    std::optional<store::Store> store_;
    std::vector<store::Image> images_;
};

bool has_volume(const engine::Record& record, const std::string& wanted) {
    return std::ranges::any_of(record.mounts, [&](const engine::MountRecord& mount) {
        return mount.type != "tmpfs" &&
               (mount.source == wanted || mount.destination == wanted || mount.volume == wanted);
    });
}

// By the network's name, or the beginning of its id.
bool is_on(const engine::Record& record, const std::string& network) {
    if (record.networks.empty()) return network == record.network.mode;
    return std::ranges::any_of(record.networks, [&](const engine::EndpointRecord& endpoint) {
        return endpoint.network == network ||
               (!network.empty() && endpoint.network_id.starts_with(network));
    });
}

// podman's "stopped" is what Docker calls exited.
bool has_status(const engine::State& state, const std::string& wanted) {
    return (wanted == "stopped" ? "exited" : wanted) == state_word(state);
}

// As it is typed for --restart; "none" is podman's word for "no".
bool has_policy(const engine::Record& record, const std::string& wanted) {
    return (wanted == "none" ? "no" : wanted) == engine::name_of(record.restart.kind);
}

bool has_port(const engine::Record& record, const std::vector<Ports>& wanted) {
    return wanted.empty() ||
           std::ranges::any_of(engine::published_ports(record), [&](const auto& port) {
               return std::ranges::any_of(wanted, [&](const Ports& ports) {
                   return ports.contain(port.container_port, port.protocol);
               });
           });
}

bool pleases(const Container& container, const Filters& filters, const std::vector<Ports>& ports) {
    const engine::Record& record = container.record;
    auto exit_code = [&](const std::string& code) {
        return container.state.status == engine::Status::exited &&
               std::to_string(container.state.exit.code) == code;
    };
    return filters.any("id", [&](const std::string& id) { return matches_id(record.id, id); }) &&
           filters.any("name",
                       [&](const std::string& n) { return matches_name(record.name, n); }) &&
           filters.all("label",
                       [&](const std::string& l) { return matches_label(record.labels, l); }) &&
           filters.any("status",
                       [&](const std::string& s) { return has_status(container.state, s); }) &&
           filters.any("exited", exit_code) &&
           filters.any("restart-policy",
                       [&](const std::string& p) { return has_policy(record, p); }) &&
           filters.any(
               "health",
               [&](const std::string& health) { return health == health_word(container); }) &&
           filters.any("network", [&](const std::string& n) { return is_on(record, n); }) &&
           filters.any("volume", [&](const std::string& v) { return has_volume(record, v); }) &&
           has_port(record, ports);
}

// When the containers that `key` names were made.
Result<std::optional<std::int64_t>> bound(const engine::Paths& paths, const Filters& filters,
                                          const char* key) {
    if (!filters.has(key)) return std::optional<std::int64_t>();
    return std::optional(
        TRY_IN(engine::find(paths, filters.values(key).back()), "--filter " + std::string(key))
            .record.created_ns);
}

}  // namespace

Result<Filters> parse_ps_filters(const std::vector<std::string>& texts) {
    Filters filters = TRY(Filters::parse(texts, kKnown));
    TRY(check_words(filters, "status", kStatuses));
    TRY(check_words(filters, "health", kHealths));
    TRY(ports_of(filters));
    for (const std::string& policy : filters.values("restart-policy"))
        if (policy != "none")
            TRY_IN(engine::parse_restart_policy(policy), "--filter restart-policy");
    for (const std::string& code : filters.values("exited"))
        if (!parse_int(code))
            return fail(Code::usage, "--filter exited=" + code + ": an exit code is a number");
    for (const std::string& name : filters.values("name"))
        TRY_IN(sys::Pattern::create(name), "--filter name=" + name);
    return filters;
}

Result<> filter_containers(const engine::Paths& paths, const Filters& filters,
                           std::vector<Container>& containers) {
    auto before = TRY(bound(paths, filters, "before"));
    auto since = TRY(bound(paths, filters, "since"));
    std::vector<Ports> ports = TRY(ports_of(filters));
    Ancestors ancestors = TRY(Ancestors::find(paths, filters));
    std::erase_if(containers, [&](const Container& container) {
        std::int64_t made = container.record.created_ns;
        if ((before && made >= *before) || (since && made <= *since)) return true;
        if (filters.has("ancestor") && !ancestors.contain(container.record)) return true;
        return !pleases(container, filters, ports);
    });
    return {};
}

}  // namespace crank::cli
