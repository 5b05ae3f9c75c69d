#include "deploy/relayed.h"

#include <algorithm>
#include <array>

namespace crank::deploy {
namespace {

// Registered with IANA, or the usual one, for a protocol that is not HTTP: sorted.
constexpr std::array<std::uint16_t, 32> kOthers = {
    21,     // FTP
    22,     // SSH
    25,     // SMTP
    53,     // DNS
    110,    // POP3
    143,    // IMAP
    389,    // LDAP
    465,    // SMTP over TLS
    587,    // SMTP
    636,    // LDAP over TLS
    993,    // IMAP over TLS
    995,    // POP3 over TLS
    1433,   // SQL Server
    1521,   // Oracle
    1883,   // MQTT
    2181,   // ZooKeeper
    3306,   // MySQL
    4222,   // NATS
    5432,   // PostgreSQL
    5671,   // AMQP over TLS
    5672,   // AMQP
    6379,   // Redis
    6432,   // PgBouncer
    8883,   // MQTT over TLS
    9042,   // Cassandra
    9092,   // Kafka
    11211,  // memcached
    26379,  // Redis Sentinel
    27017,  // MongoDB
    27018,  // MongoDB
    27019,  // MongoDB
    33060,  // MySQL X
};
static_assert(std::ranges::is_sorted(kOthers));

}  // namespace

std::set<std::uint16_t> relayed_ports(const DesiredService& service,
                                      const std::set<std::uint16_t>& served) {
    std::set<std::uint16_t> relayed;
    for (std::uint16_t port : served) {
        auto said = service.speaks_http.find(port);
        bool http = said == service.speaks_http.end() ? !std::ranges::binary_search(kOthers, port)
                                                      : said->second;
        if (http) relayed.insert(port);
    }
    return relayed;
}

std::set<std::uint16_t> wanted_relays(const DesiredService& service, bool hears,
                                      const std::optional<std::set<std::uint16_t>>& served,
                                      const std::map<std::uint16_t, std::uint16_t>& now) {
    if (!hears || service.replicas == 0) return {};
    if (served) return relayed_ports(service, *served);
    std::set<std::uint16_t> ports;
    for (const auto& [port, listener] : now) ports.insert(port);
    return ports;
}

}  // namespace crank::deploy
