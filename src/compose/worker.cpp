#include "compose/worker.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "compose/service_reader.h"

namespace crank::compose {
namespace {

class Reader {
public:
    Reader(const std::string& path, const Diagnostics& diagnostics)
        : path_(path + ".x-crank"),
          service_(path.substr(path.find('.') + 1)),
          diagnostics_(diagnostics) {}

    Result<WorkerOptions> read(const Node& node) {
        WorkerOptions options;
        options.capabilities = TRY(capabilities(node));
        if (const Node* list = node.find("egress"))
            for (const Node& item : list->items) options.egress.push_back(item.text);
        options.certificate = TRY(certificate(node));
        options.native = TRY(native_options(node, path_, diagnostics_));
        options.strict_sandbox = node.text_of("sandbox") == "strict";
        if (options.native && options.strict_sandbox)
            return diagnostics_.error(options.native->at, path_ + ".native",
                                      "a native worker has no sandbox: take out sandbox: strict");
        options.on_unhealthy = node.text_of("on_unhealthy");
        if (const Node* probe = node.find("probe"); probe != nullptr && probe->is_map())
            options.probe = TRY(this->probe(*probe));
        if (const Node* rollout = node.find("rollout"))
            options.rollout = TRY(this->rollout(*rollout));
        return options;
    }

private:
    Result<std::vector<std::string>> capabilities(const Node& node) const {
        std::vector<std::string> names;
        const Node* list = node.find("capabilities");
        if (list == nullptr) return names;
        for (const Node& item : list->items) {
            bool good = !item.text.empty() && std::ranges::all_of(item.text, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                       c == '.';
            });
            if (!good)
                return diagnostics_.error(item.at, path_ + ".capabilities",
                                          "'" + item.text +
                                              "' is no name: lower case letters, digits, '.', "
                                              "'_' and '-'");
            names.push_back(item.text);
        }
        return names;
    }
    // RFC 1123 section 2.1, in lower case as SPIFFE paths are compared.
    static bool is_label(std::string_view text) {
        constexpr std::size_t kMost = 63;
        return !text.empty() && text.size() <= kMost && text.front() != '-' && text.back() != '-' &&
               std::ranges::all_of(text, [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
               });
    }
    Result<std::optional<Certificate>> certificate(const Node& node) const {
        const Node* given = node.find("certificate");
        if (given == nullptr || given->is_null()) return std::nullopt;
        if (!given->is_map() && !given->flag) return std::nullopt;
        auto wrong = [&](std::string_view field, const std::string& what, std::string hint = "") {
            const Node* at = given->is_map() ? given->find(field) : nullptr;
            std::string place = path_ + ".certificate";
            if (at != nullptr) place += "." + std::string(field);
            return diagnostics_.error(at != nullptr ? at->at : given->at, place, what,
                                      std::move(hint));
        };
        Certificate certificate{.name = service_};
        if (given->is_map()) {
            if (!given->text_of("name").empty()) certificate.name = given->text_of("name");
            certificate.directory = given->text_of("directory");
            certificate.dns = texts_of(*given, "dns");
            certificate.days = number_of(*given, "days").value_or(certificate.days);
        }
        if (!is_label(certificate.name))
            return wrong(
                "name",
                "'" + certificate.name +
                    "' is no name of a certificate: lower case letters, digits and '-', 63 "
                    "at most",
                "certificate: {name: NAME}");
        if (!certificate.directory.empty() && !certificate.directory.starts_with('/'))
            return wrong("directory", "'" + certificate.directory + "' must be an absolute path");
        constexpr std::int64_t kMostDays = 398;
        if (certificate.days < 1 || certificate.days > kMostDays)
            return wrong("days", "must be from 1 to 398");
        for (const std::string& name : certificate.dns)
            if (!is_dns_name(name)) return wrong("dns", "'" + name + "' is no DNS name");
        return certificate;
    }
    // The leftmost label may be "*".
    static bool is_dns_name(const std::string& text) {
        constexpr std::size_t kMost = 253;
        std::vector<std::string> labels = split(text, '.');
        if (labels.size() > 1 && labels.front() == "*") labels.erase(labels.begin());
        return text.size() <= kMost && std::ranges::all_of(labels, is_label);
    }
    Result<std::chrono::nanoseconds> time(const Node& node, std::string_view field) const {
        std::string text = node.text_of(field);
        if (text.empty()) return std::chrono::nanoseconds{0};
        return parse_duration(text);
    }
    Result<Probe> probe(const Node& node) const {
        Probe probe;
        probe.url = node.text_of("url");
        const Node *url = node.find("url"), *live = node.find("live");
        if (url == nullptr && live == nullptr)
            return diagnostics_.error(node.at, path_ + ".probe", "has neither url nor live",
                                      "probe: http://:PORT/PATH");
        if (url != nullptr) TRY(check_url(*url, ".probe"));
        if (live != nullptr && live->is_map()) {
            probe.live = live->text_of("url");
            TRY(check_url(*live->find("url"), ".probe.live"));
            probe.live_retries = TRY(retries(*live, ".probe.live.retries"));
        }
        probe.interval = TRY(time(node, "interval"));
        probe.timeout = TRY(time(node, "timeout"));
        probe.start_period = TRY(time(node, "start_period"));
        probe.start_interval = TRY(time(node, "start_interval"));
        probe.retries = TRY(retries(node, ".probe.retries"));
        return probe;
    }
    // 0: not given
    Result<std::int64_t> retries(const Node& node, std::string_view field) const {
        const Node* retries = node.find("retries");
        if (retries == nullptr) return 0;
        if (retries->number < 1 || retries->number > 1000)
            return diagnostics_.error(retries->at, path_ + std::string(field),
                                      "must be from 1 to 1000");
        return retries->number;
    }
    Result<void> check_url(const Node& node, std::string_view field) const {
        auto wrong = [&](std::string_view what) {
            return diagnostics_.error(node.at, path_ + std::string(field),
                                      "'" + node.text + "' " + std::string(what));
        };
        std::size_t sign = node.text.find("://");
        std::string scheme = node.text.substr(0, sign);
        constexpr std::string_view kSchemes[] = {"http", "https", "tcp", "tls"};
        if (sign == std::string::npos || std::ranges::find(kSchemes, scheme) == std::end(kSchemes))
            return wrong("is no probe: http://, https://, tcp:// or tls://[HOST]:PORT[/PATH]");
        std::string rest = node.text.substr(sign + 3);
        std::string place = rest.substr(0, rest.find('/'));
        std::size_t colon = place.rfind(':');
        auto port = colon == std::string::npos ? std::nullopt : parse_int(place.substr(colon + 1));
        if (!port || *port < 1 || *port > 65535) return wrong("names no port");
        if (scheme.starts_with('t') && rest.size() != place.size())
            return wrong("has a path, which " + scheme + " has not");
        return {};
    }
    Result<Rollout> rollout(const Node& node) const {
        Rollout rollout;
        rollout.start_first = node.text_of("order") != "stop-first";
        rollout.drain = TRY(time(node, "drain"));
        rollout.watch = TRY(time(node, "watch"));
        rollout.timeout = TRY(time(node, "timeout"));
        if (node.find("keep_warm") != nullptr) rollout.keep_warm = TRY(time(node, "keep_warm"));
        if (const Node* revert = node.find("revert")) rollout.revert = revert->flag;
        const Node* canary = node.find("canary");
        if (canary != nullptr && canary->is_map()) rollout.canary = TRY(this->canary(*canary));
        if (rollout.canary && !rollout.start_first)
            return diagnostics_.error(canary->at, path_ + ".rollout.canary",
                                      "is beside the old container, which order: stop-first ends "
                                      "before");
        return rollout;
    }
    Result<Canary> canary(const Node& node) const {
        Canary canary;
        canary.share = TRY(percent(node, "share", 1, 99));
        if (node.find("for") != nullptr) canary.time = TRY(time(node, "for"));
        if (node.find("errors") != nullptr) canary.errors = TRY(percent(node, "errors", 0, 100));
        return canary;
    }
    // "10%"
    Result<int> percent(const Node& node, std::string_view field, int least, int most) const {
        const Node& given = *node.find(field);
        std::string_view text = given.text;
        bool is_percent = text.ends_with('%');
        if (is_percent) text.remove_suffix(1);
        auto number = parse_int(text);
        if (!is_percent || !number || *number < least || *number > most)
            return diagnostics_.error(given.at, path_ + ".rollout.canary." + std::string(field),
                                      "'" + given.text + "' must be from " + std::to_string(least) +
                                          "% to " + std::to_string(most) + "%");
        return static_cast<int>(*number);
    }

    std::string path_, service_;
    const Diagnostics& diagnostics_;
};

}  // namespace

Result<WorkerOptions> worker_options(const Node& service, const std::string& path,
                                     const Diagnostics& diagnostics) {
    const Node* node = service.find("x-crank");
    if (node == nullptr) return WorkerOptions{};
    return Reader(path, diagnostics).read(*node);
}

}  // namespace crank::compose
