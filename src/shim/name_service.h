// The resolver of a container on networks of its user's own: a socket inside its network namespace,
// served by the monitor, which is not in it. Names of containers it answers itself (names.h);
// others it asks of the name servers of this machine, where the networks lead out.
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "shim/dns.h"
#include "shim/loop.h"
#include "shim/wire.h"

namespace crank::shim {

class NameService {
public:
    explicit NameService(Loop& loop) : loop_(loop) {}
    // `udp` is non-blocking. 0 or errno. The file is names.h's.
    int open(int udp, const Resolver& servers, const char* networks_file);
    void close();

private:
    // A question that another was asked, until it answers or its place is needed.
    struct Pending : Watcher {
        NameService* service;
        bool used;
        sockaddr_in client;
        uint16_t client_id;
        uint16_t id;
        uint16_t server;  // which of them was asked last
        uint64_t since_ms;
        size_t size;
        uint8_t query[kMostQuery];
    };
    static constexpr int kMostPending = 64;

    static void on_query(Watcher* self, uint32_t events);
    static void on_reply(Watcher* self, uint32_t events);
    void serve(const uint8_t* query, size_t size, const sockaddr_in& client);
    bool answer_names(const Question& question, const uint8_t* query, Answer& answer);
    bool answer_address(const Question& question, const uint8_t* query, Answer& answer);
    void ask(const uint8_t* query, size_t size, const sockaddr_in& client, size_t question_end);
    bool send_on(Pending& pending);
    void fail(Pending& pending);
    void take_reply(Pending& pending);
    void end(Pending& pending);
    Pending& place_for(const sockaddr_in& client, uint16_t id);
    void reply(const sockaddr_in& client, const uint8_t* bytes, size_t size);
    void reply_code(const sockaddr_in& client, const uint8_t* query, size_t question_end,
                    Rcode code);

    Loop& loop_;
    struct Socket : Watcher {
        NameService* service;
    } socket_ = {};
    const Resolver* servers_ = nullptr;
    const char* networks_file_ = nullptr;
    uint32_t turn_ = 0;           // which of several addresses stands first
    Pending* pending_ = nullptr;  // kMostPending, from the first that is passed on
};

}  // namespace crank::shim
