#include "engine/pasta_options.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "engine/egress.h"

namespace crank::engine {
namespace {

// podman's word for leaving out --no-map-gw.
constexpr std::string_view kMapGateway = "--map-gw";

// Not among them: what would take pasta out of crank's hands (the namespace, the foreground), and
// what it serves by DHCP, which nobody in the container asks for.
struct Option {
    std::string_view brief, name;
    bool valued;
};
constexpr Option kOptions[] = {
    {"-a", "--address", true},   {"-n", "--netmask", true},    {"-g", "--gateway", true},
    {"-i", "--interface", true}, {"-I", "--ns-ifname", true},  {"-m", "--mtu", true},
    {"-M", "--mac-addr", true},  {"", "--ns-mac-addr", true},  {"", "--dns-forward", true},
    {"-t", "--tcp-ports", true}, {"-u", "--udp-ports", true},  {"-T", "--tcp-ns", true},
    {"-U", "--udp-ns", true},    {"-4", "--ipv4-only", false}, {"-6", "--ipv6-only", false},
    {"", "--no-tcp", false},     {"", "--no-udp", false},      {"", "--no-icmp", false},
    {"", "--no-map-gw", false},  {"", kMapGateway, false},     {"-P", "--pid", true},
    {"-l", "--log-file", true},  {"-p", "--pcap", true},
};

const Option* find_option(std::string_view word) {
    const auto* found = std::ranges::find_if(kOptions, [&](const Option& option) {
        return word == option.name || (!option.brief.empty() && word == option.brief);
    });
    return found == std::end(kOptions) ? nullptr : found;
}

std::string_view name_of(std::string_view word) { return word.substr(0, word.find('=')); }

bool says(const std::vector<std::string>& options, std::string_view name) {
    return std::ranges::any_of(options, [&](const std::string& word) {
        const Option* option = find_option(name_of(word));
        return option != nullptr && option->name == name;
    });
}

Error unknown(std::string_view text, std::string_view word) {
    std::vector<std::string_view> names;
    for (const Option& option : kOptions) names.push_back(option.name);
    auto near = did_you_mean(word, names);
    std::vector<std::string> all(names.begin(), names.end());
    return Error(Code::invalid_argument, "--network \"" + std::string(text) +
                                             "\": crank passes no \"" + std::string(word) +
                                             "\" on to pasta")
        .with_hint(near ? "did you mean " + *near + "?" : join(all, ", "));
}

}  // namespace

bool is_pasta(std::string_view text) {
    return text == kPastaMode ||
           (text.starts_with(kPastaMode) && text.substr(kPastaMode.size()).starts_with(":"));
}

Result<std::vector<std::string>> parse_pasta(std::string_view text) {
    std::vector<std::string> options;
    if (text == kPastaMode) return options;
    const Option* open = nullptr;  // the one whose value comes next
    for (const std::string& word : split(text.substr(kPastaMode.size() + 1), ',')) {
        options.push_back(word);
        if (open != nullptr) {
            open = nullptr;
            if (word.empty()) return fail(unknown(text, word));
            continue;
        }
        const Option* option = find_option(name_of(word));
        bool assigned = word.find('=') != std::string::npos;
        if (option == nullptr || (assigned && (!option->valued || !word.starts_with("--"))))
            return fail(unknown(text, word));
        if (option->valued && !assigned) open = option;
    }
    if (open == nullptr) return options;
    return fail(Code::invalid_argument, "--network \"" + std::string(text) +
                                            "\": " + std::string(open->name) + " wants a value");
}

std::string resolver_of(const std::vector<std::string>& options) {
    constexpr std::string_view kForward = "--dns-forward";
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (name_of(options[i]) != kForward) continue;
        if (options[i].size() > kForward.size()) return options[i].substr(kForward.size() + 1);
        return options[i + 1];
    }
    return says(options, "--ipv6-only") ? "" : std::string(kEgressResolver);
}

std::vector<std::string> pasta_arguments(const std::vector<std::string>& options) {
    std::vector<std::string> all{"--config-net", "--quiet"};
    if (!says(options, kMapGateway) && !says(options, "--no-map-gw")) all.push_back("--no-map-gw");
    for (std::string_view name : {"--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns"}) {
        if (says(options, name)) continue;
        all.emplace_back(name);
        all.emplace_back("none");
    }
    std::string resolver = resolver_of(options);
    if (!resolver.empty() && !says(options, "--dns-forward")) {
        all.emplace_back("--dns-forward");
        all.push_back(std::move(resolver));
    }
    for (const std::string& word : options)
        if (word != kMapGateway) all.push_back(word);
    return all;
}

}  // namespace crank::engine
