#include "engine/listening.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "runtime/runtime.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

constexpr std::string_view kListening = "0A";  // TCP_LISTEN
constexpr std::size_t kMaxTable = std::size_t{4} << 20;

// In the words of the machine's byte order, as the table has addresses: 127.0.0.1, ::1 and
// ::ffff:127.0.0.1.
bool is_loopback(std::string_view address) {
    constexpr std::string_view kOne = "00000000000000000000000001000000",
                               kMapped = "0000000000000000FFFF0000";
    if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
    return address == kOne || (address.size() == 8 && address.ends_with("7F"));
}

bool is_local(std::string_view address) { return address.ends_with("0100007F"); }

std::string number(std::uint16_t port) { return std::to_string(port); }

// Without what crank itself answers at in there.
std::string others_text(const std::vector<Listener>& listeners) {
    std::set<std::uint16_t> ports;
    for (const Listener& listener : listeners) ports.insert(listener.port);
    std::vector<std::string> texts;
    for (std::uint16_t port : ports) texts.push_back(number(port));
    return join(texts, ", ");
}

}  // namespace

std::vector<Listener> parse_listeners(std::string_view table) {
    std::vector<Listener> all;
    for (const std::string& line : split(table, '\n')) {
        std::vector<std::string> fields;
        for (const std::string& field : split(line, ' '))
            if (!field.empty()) fields.push_back(field);
        if (fields.size() < 4 || fields[3] != kListening) continue;
        std::string_view local = fields[1];
        std::size_t colon = local.find(':');
        if (colon == std::string_view::npos) continue;
        Listener one{.port = 0, .loopback = is_loopback(local.substr(0, colon))};
        std::string_view port = local.substr(colon + 1);
        auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), one.port, 16);
        // crank's own name server listens on another loopback address than workers do.
        bool crank_s = one.loopback && colon == 8 && !is_local(local.substr(0, colon));
        if (error == std::errc() && end == port.data() + port.size() && !crank_s)
            all.push_back(one);
    }
    return all;
}

std::vector<std::string> unanswered_ports(const Record& record,
                                          const std::vector<Listener>& listeners) {
    std::vector<std::string> texts;
    std::set<std::uint16_t> told;
    bool native = record.kind == Kind::native;
    for (const PublishedPort& port : published_ports(record)) {
        std::uint16_t wanted = own_port(port);
        if (port.protocol != "tcp" || !told.insert(wanted).second) continue;
        auto there = [&](bool loopback) {
            return std::ranges::any_of(listeners, [&](const Listener& one) {
                return one.port == wanted && one.loopback == loopback;
            });
        };
        if (there(false) || (native && there(true))) continue;
        std::string others = native ? "" : others_text(listeners);
        if (there(true))
            texts.push_back("port " + number(wanted) +
                            " is published, and it listens there on 127.0.0.1 alone, which within "
                            "a container nobody else reaches: let it listen on 0.0.0.0");
        else if (!others.empty())
            texts.push_back("nothing listens on port " + number(wanted) +
                            ", which is published: it listens on " + others);
        else
            texts.push_back("nothing listens on port " + number(wanted) +
                            ", which is published: it is still starting, or serves nothing");
    }
    return texts;
}

std::vector<std::string> unanswered_ports(const Container& container) {
    const State& state = container.state;
    if (state.status != Status::running || published_ports(container.record).empty()) return {};
    std::string place = "/proc/" + std::to_string(state.pid) + "/net/";
    Result<std::string> four = sys::read_file(place + "tcp", kMaxTable);
    if (!four) return {};
    std::vector<Listener> listeners = parse_listeners(*four);
    // A kernel may have no IPv6.
    for (Listener& more : parse_listeners(sys::read_file(place + "tcp6", kMaxTable).value_or("")))
        listeners.push_back(more);
    // The number was still its own.
    if (!runtime::is_alive(state.pid, state.start_time)) return {};
    return unanswered_ports(container.record, listeners);
}

}  // namespace crank::engine
