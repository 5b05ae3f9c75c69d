#include "gateway/control_request.h"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <set>

#include "base/text.h"
#include "sys/ip_bytes.h"

namespace crank::gateway {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxText = 512;
constexpr std::size_t kMaxBackends = 256;
constexpr std::int64_t kMaxWait = 24LL * 60 * 60 * 1000;
constexpr std::int64_t kMaxWeight = 1'000'000;

// One object's fields, asked for by name; what nobody has asked for is unknown.
class Fields {
public:
    Fields(std::string where, const Json& object) : where_(std::move(where)), object_(object) {}

    Result<std::string> text(const char* name) {
        const Json* value = find(name);
        if (value == nullptr) return fail(Code::invalid_argument, where_ + " lacks " + name);
        if (!value->is_string()) return wrong(name, "is no text");
        auto text = value->get<std::string>();
        if (text.empty() || text.size() > kMaxText) return wrong(name, "is empty or too long");
        for (char c : text)
            if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
                return wrong(name, "has a blank or a control character");
        return text;
    }
    Result<std::int64_t> number(const char* name, std::int64_t least, std::int64_t most,
                                std::optional<std::int64_t> otherwise = {}) {
        const Json* value = find(name);
        if (value == nullptr && otherwise) return *otherwise;
        if (value == nullptr) return fail(Code::invalid_argument, where_ + " lacks " + name);
        const std::string range =
            "is no number from " + std::to_string(least) + " to " + std::to_string(most);
        if (!value->is_number_integer()) return wrong(name, range);
        const bool huge = value->is_number_unsigned() &&
                          value->get<std::uint64_t>() > static_cast<std::uint64_t>(most);
        if (huge || value->get<std::int64_t>() < least) return wrong(name, range);
        return value->get<std::int64_t>();
    }
    const Json* find(const char* name) {
        asked_.insert(name);
        auto at = object_.find(name);
        return at == object_.end() ? nullptr : &*at;
    }
    std::unexpected<Error> wrong(const char* name, const std::string& what) const {
        return fail(Code::invalid_argument, where_ + ": " + name + " " + what);
    }
    Result<> no_others() const {
        for (const auto& [name, value] : object_.items())
            if (!asked_.contains(name))
                return fail(Code::invalid_argument, where_ + ": unknown field \"" + name + "\"");
        return {};
    }

private:
    std::string where_;
    const Json& object_;
    std::set<std::string, std::less<>> asked_;
};

Result<ControlRequest> parse_listen(Fields fields) {
    ListenRequest request;
    request.id = TRY(fields.text("id"));
    request.target = TRY(fields.text("target"));
    if (fields.find("protocol") != nullptr) {
        const std::string word = TRY(fields.text("protocol"));
        if (word == "http")
            request.protocol = Protocol::http;
        else if (word == "tcp")
            request.protocol = Protocol::tcp;
        else if (word != "auto")
            return fields.wrong("protocol", "is \"" + word + "\", not auto, http or tcp");
    }
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_unlisten(Fields fields) {
    UnlistenRequest request{TRY(fields.text("id"))};
    TRY(fields.no_others());
    return request;
}

Result<BackendSpec> parse_backend(const std::string& where, const Json& json) {
    if (!json.is_object()) return fail(Code::invalid_argument, where + " is no object");
    Fields fields(where, json);
    BackendSpec spec;
    spec.id = TRY(fields.text("id"));
    spec.address = TRY(fields.text("address"));
    if (!sys::ip_bytes(spec.address)) return fields.wrong("address", "is no IP address");
    spec.port = static_cast<std::uint16_t>(TRY(fields.number("port", 1, 65535)));
    spec.weight = TRY(fields.number("weight", 0, kMaxWeight, 1));
    TRY(fields.no_others());
    return spec;
}

Result<ControlRequest> parse_route(Fields fields) {
    RouteRequest request;
    request.target = TRY(fields.text("target"));
    const Json* backends = fields.find("backends");
    if (backends == nullptr || !backends->is_array()) return fields.wrong("backends", "is no list");
    if (backends->size() > kMaxBackends)
        return fields.wrong("backends", "has more than " + std::to_string(kMaxBackends));
    std::set<std::string> known;
    for (const Json& one : *backends) {
        const std::string where =
            "route: backends[" + std::to_string(request.backends.size()) + "]";
        BackendSpec spec = TRY(parse_backend(where, one));
        if (!known.insert(spec.id + " " + spec.address + " " + std::to_string(spec.port)).second)
            return fields.wrong("backends",
                                "names " + spec.id + " twice with one address and port");
        request.backends.push_back(std::move(spec));
    }
    request.hold = Milliseconds(TRY(fields.number("hold_ms", 0, kMaxWait, 0)));
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_watch(Fields fields) {
    WatchRequest request;
    request.backend = TRY(fields.text("backend"));
    request.address = TRY(fields.text("address"));
    if (!sys::ip_bytes(request.address)) return fields.wrong("address", "is no IP address");
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_drain(Fields fields) {
    DrainRequest request;
    request.backend = TRY(fields.text("backend"));
    request.grace =
        Milliseconds(TRY(fields.number("grace_ms", 0, kMaxWait, request.grace.count())));
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_judge(Fields fields) {
    JudgeRequest request;
    request.backend = TRY(fields.text("backend"));
    const Json* well = fields.find("well");
    if (well == nullptr || !well->is_boolean()) return fields.wrong("well", "is not true or false");
    request.well = well->get<bool>();
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_stop(Fields fields) {
    StopRequest request;
    request.grace =
        Milliseconds(TRY(fields.number("grace_ms", 0, kMaxWait, request.grace.count())));
    TRY(fields.no_others());
    return request;
}

Result<ControlRequest> parse_state(Fields fields) {
    TRY(fields.no_others());
    return StateRequest{};
}

}  // namespace

Result<ControlRequest> parse_control(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return fail(Code::invalid_argument, "the request is no JSON");
    if (!json.is_object()) return fail(Code::invalid_argument, "the request is no JSON object");
    const std::string op = TRY(Fields("the request", json).text("op"));
    Fields fields(op, json);
    (void)fields.find("op");
    if (op == "listen") return parse_listen(std::move(fields));
    if (op == "unlisten") return parse_unlisten(std::move(fields));
    if (op == "route") return parse_route(std::move(fields));
    if (op == "watch") return parse_watch(std::move(fields));
    if (op == "drain") return parse_drain(std::move(fields));
    if (op == "judge") return parse_judge(std::move(fields));
    if (op == "state") return parse_state(std::move(fields));
    if (op == "stop") return parse_stop(std::move(fields));
    return fail(Code::invalid_argument, "unknown operation \"" + op + "\"");
}

std::string_view word_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::http: return "http";
        case Protocol::tcp: return "tcp";
        case Protocol::automatic: return "auto";
    }
    return "auto";
}

}  // namespace crank::gateway
