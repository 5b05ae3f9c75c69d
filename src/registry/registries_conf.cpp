#include "registry/registries_conf.h"

#include "base/text.h"
#include "registry/toml.h"

namespace crank::registry {

namespace {

std::unexpected<Error> bad(const TomlTable& table, const std::string& name, const char* what) {
    return fail(Code::invalid_argument,
                "table at line " + std::to_string(table.line) + ": '" + name + "' " + what);
}

Result<std::string> text_in(const TomlTable& table, const std::string& name) {
    auto at = table.values.find(name);
    if (at == table.values.end()) return std::string();
    if (const auto* text = std::get_if<std::string>(&at->second)) return *text;
    return bad(table, name, "is not a text");
}

Result<bool> flag_in(const TomlTable& table, const std::string& name) {
    auto at = table.values.find(name);
    if (at == table.values.end()) return false;
    if (const auto* flag = std::get_if<bool>(&at->second)) return *flag;
    return bad(table, name, "is not true or false");
}

// As it is where the table has none.
Result<> read_list(const TomlTable& table, const std::string& name, std::vector<std::string>& out) {
    auto at = table.values.find(name);
    if (at == table.values.end()) return {};
    const auto* list = std::get_if<std::vector<std::string>>(&at->second);
    if (list == nullptr) return bad(table, name, "is not a list");
    out = *list;
    return {};
}

Result<RegistryRule> rule_of(const TomlTable& table) {
    RegistryRule rule;
    rule.prefix = TRY(text_in(table, "prefix"));
    rule.location = TRY(text_in(table, "location"));
    rule.insecure = TRY(flag_in(table, "insecure"));
    rule.blocked = TRY(flag_in(table, "blocked"));
    rule.mirror_by_digest_only = TRY(flag_in(table, "mirror-by-digest-only"));
    if (rule.prefix.empty()) rule.prefix = rule.location;
    if (rule.prefix.empty()) return bad(table, "location", "and 'prefix' are missing");
    return rule;
}

// How many characters of `name` ("host/path") the prefix covers; npos: it does not match.
std::size_t match(const std::string& prefix, const std::string& name) {
    if (prefix.starts_with("*.")) {
        std::string host = name.substr(0, name.find('/'));
        std::string bare = host.substr(0, host.rfind(':'));
        return bare.ends_with(prefix.substr(1)) || host.ends_with(prefix.substr(1))
                   ? host.size()
                   : std::string::npos;
    }
    if (!name.starts_with(prefix)) return std::string::npos;
    bool whole = name.size() == prefix.size() || name[prefix.size()] == '/';
    return whole ? prefix.size() : std::string::npos;
}

Endpoint endpoint_of(const std::string& name, bool insecure, bool mirror) {
    std::size_t slash = std::min(name.find('/'), name.size());
    return {name.substr(0, slash), name.substr(std::min(slash + 1, name.size())), insecure, mirror};
}

}  // namespace

Result<> RegistriesConf::add(std::string_view text, const std::string& file) {
    auto read = [&]() -> Result<> {
        RegistryRule* current = nullptr;
        for (const TomlTable& table : TRY(parse_toml(text))) {
            std::string name = join(table.name, ".");
            if (name == "registries" || name.starts_with("registries."))
                return fail(Code::unsupported, "it has version 1, crank reads version 2");
            if (name.empty()) {
                TRY(read_list(table, "unqualified-search-registries", search_));
                TRY(read_list(table, "credential-helpers", helpers_));
                for (const std::string& helper : helpers_)
                    if (helper.empty() || helper.find('/') != std::string::npos)
                        return bad(table, "credential-helpers", "has a name that is none");
            } else if (name == "registry" && table.of_array) {
                RegistryRule rule = TRY(rule_of(table));
                current = &(rules_[rule.prefix] = rule);
            } else if (name == "registry.mirror" && table.of_array && current != nullptr) {
                Mirror mirror{TRY(text_in(table, "location")), TRY(flag_in(table, "insecure"))};
                if (mirror.location.empty()) return bad(table, "location", "is missing");
                current->mirrors.push_back(std::move(mirror));
            } else if (name == "aliases") {
                for (const auto& [key, value] : table.values)
                    aliases_[key] = TRY(text_in(table, key));
            }
        }
        return {};
    };
    TRY_IN(read(), file);
    return {};
}

std::vector<oci::Reference> RegistriesConf::candidates(const std::string& typed,
                                                       const oci::Reference& reference) const {
    std::string short_name = reference.familiar_name();
    bool is_short = reference.domain == "docker.io" && !typed.starts_with("docker.io/") &&
                    !typed.starts_with("index.docker.io/");
    if (!is_short) return {reference};
    auto at = [&](const std::string& name) -> std::optional<oci::Reference> {
        auto parsed = oci::Reference::parse(name);
        if (!parsed) return std::nullopt;
        parsed->tag = reference.tag;
        parsed->digest = reference.digest;
        return *parsed;
    };
    std::vector<oci::Reference> out;
    if (auto alias = aliases_.find(short_name); alias != aliases_.end() && !alias->second.empty())
        if (auto target = at(alias->second)) return {*target};
    for (const std::string& host : search_)
        if (auto target = at(host + "/" + short_name)) out.push_back(*target);
    if (out.empty()) out.push_back(reference);
    return out;
}

const RegistryRule* RegistriesConf::rule_for(const oci::Reference& reference) const {
    const RegistryRule* best = nullptr;
    for (const auto& [prefix, rule] : rules_)
        if (match(prefix, reference.name()) != std::string::npos &&
            (best == nullptr || prefix.size() > best->prefix.size()))
            best = &rule;
    return best;
}

Result<std::vector<Endpoint>> RegistriesConf::endpoints(const oci::Reference& reference) const {
    const RegistryRule* rule = rule_for(reference);
    std::string name = reference.name();
    if (rule == nullptr) return std::vector{endpoint_of(name, false, false)};
    if (rule->blocked)
        return fail(Code::permission_denied, "registries.conf blocks " + rule->prefix);
    std::string rest = name.substr(match(rule->prefix, name));
    std::vector<Endpoint> out;
    if (!rule->mirror_by_digest_only || reference.digest)
        for (const Mirror& mirror : rule->mirrors)
            out.push_back(endpoint_of(mirror.location + rest, mirror.insecure, true));
    std::string own = rule->location.empty() ? name : rule->location + rest;
    out.push_back(endpoint_of(own, rule->insecure, false));
    for (const Endpoint& endpoint : out)
        if (!oci::Reference::parse(endpoint.domain + "/" + endpoint.repository))
            return fail(Code::invalid_argument, "registries.conf makes the invalid name " +
                                                    endpoint.domain + "/" + endpoint.repository +
                                                    " of " + name);
    return out;
}

}  // namespace crank::registry
