#include "pki/identity.h"

#include <algorithm>

#include "base/text.h"

namespace crank::pki {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 253;

bool is_label_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, is_label_byte);
}

// What an IPv4 address looks like, and no DNS name does: a last label of digits only.
bool ends_in_number(std::string_view label) {
    return std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<std::string> parse_worker_name(std::string_view text) {
    if (is_label(text)) return std::string(text);
    return fail(Error(Code::invalid_argument, "invalid worker name \"" + std::string(text) + "\"")
                    .with_hint("use 1 to 63 of a-z, 0-9 and '-', which is neither first nor last"));
}

Result<std::string> parse_dns_name(std::string_view text) {
    const std::string folded = to_lower(text);
    const auto labels = split(folded, '.');
    bool good = !folded.empty() && folded.size() <= kMaxName && !ends_in_number(labels.back());
    for (std::size_t i = 0; good && i < labels.size(); ++i) {
        const bool wildcard = i == 0 && labels.size() > 1 && labels[i] == "*";
        good = wildcard || is_label(labels[i]);
    }
    if (good) return folded;
    return fail(Error(Code::invalid_argument, "invalid DNS name \"" + std::string(text) + "\"")
                    .with_hint("give a host name such as worker.example.internal"));
}

Result<LeafPlan> plan_leaf(const LeafSpec& spec, TimePoint now) {
    if (spec.days < 1 || spec.days > kMaxLeafDays)
        return fail(Error(Code::invalid_argument,
                          "invalid validity of " + std::to_string(spec.days) + " days")
                        .with_hint("give 1 to " + std::to_string(kMaxLeafDays) + " days"));
    LeafPlan plan;
    plan.common_name = TRY(parse_worker_name(spec.name));
    plan.spiffe_id = "spiffe://" + std::string(kTrustDomain) + "/worker/" + plan.common_name;
    plan.dns = {plan.common_name, "localhost"};
    for (const auto& text : spec.dns) plan.dns.push_back(TRY(parse_dns_name(text)));
    std::vector<std::string> unique;
    for (auto& name : plan.dns)
        if (std::ranges::find(unique, name) == unique.end()) unique.push_back(std::move(name));
    plan.dns = std::move(unique);
    plan.not_before = now - kClockSkew;
    plan.not_after = now + std::chrono::days(spec.days);
    return plan;
}

}  // namespace crank::pki
