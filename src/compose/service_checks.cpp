#include "base/units.h"
#include "compose/service_reader.h"

namespace crank::compose {
namespace {

constexpr std::chrono::seconds kLongestGrace{1'000'000};
constexpr std::size_t kMostDomain = 64;  // setdomainname(2)
constexpr std::int64_t kMostScore = 1000;

class Checks {
public:
    Checks(const Node& service, const std::string& path, const Diagnostics& diagnostics)
        : service_(service), path_(path), diagnostics_(diagnostics) {}

    Result<void> all() const {
        for (std::string_view field : {"dns_search", "dns_opt"})
            for (const Node& word : items_of(service_, field))
                if (word.text.empty() || word.text.find_first_of(" \t\n") != std::string::npos)
                    return wrong(word.at, field, "'" + word.text + "': one word is wanted");
        if (service_.text_of("domainname").size() > kMostDomain)
            return wrong("domainname", "more than " + std::to_string(kMostDomain) + " characters");
        auto score = number_of(service_, "oom_score_adj");
        if (score && (*score < -kMostScore || *score > kMostScore))
            return wrong("oom_score_adj",
                         "must be from -1000 to 1000, not " + std::to_string(*score));
        if (!service_.text_of("stop_grace_period").empty() &&
            time_of(service_, "stop_grace_period") > kLongestGrace)
            return wrong("stop_grace_period", "must be 1000000s at most");
        for (std::string_view field : {"cpus", "deploy.resources.limits.cpus"}) TRY(cpus(field));
        return names();
    }

private:
    // Who shares a container's network has its names.
    Result<void> names() const {
        std::string mode = service_.text_of("network_mode");
        if (!mode.starts_with("service:") && !mode.starts_with("container:")) return {};
        for (std::string_view field : {"hostname", "extra_hosts", "dns", "dns_search", "dns_opt"})
            if (service_.find(field) != nullptr)
                return diagnostics_.error(
                    service_.find(field)->at, path_ + "." + std::string(field),
                    "with network_mode: " + mode + " names are that container's",
                    "leave out " + std::string(field));
        return {};
    }
    // 0 is none.
    Result<void> cpus(std::string_view field) const {
        const Node* node = at_path(service_, field);
        std::string text = node == nullptr ? "" : scalar_text(*node);
        auto zeros = text.find_first_not_of("0.") == std::string::npos;
        if (zeros || parse_cpus(text)) return {};
        return wrong(node->at, field, "must be a number of processors such as 0.5, not " + text);
    }
    std::unexpected<Error> wrong(Position at, std::string_view field, std::string_view what) const {
        return diagnostics_.error(at, path_ + "." + std::string(field), what);
    }
    std::unexpected<Error> wrong(std::string_view field, std::string_view what) const {
        return wrong(service_.find(field)->at, field, what);
    }

    const Node& service_;
    const std::string& path_;
    const Diagnostics& diagnostics_;
};

}  // namespace

Result<void> check_run_settings(const Node& service, const std::string& path,
                                const Diagnostics& diagnostics) {
    return Checks(service, path, diagnostics).all();
}

}  // namespace crank::compose
