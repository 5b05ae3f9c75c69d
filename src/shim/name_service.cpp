#include "shim/name_service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shim/names.h"

namespace crank::shim {
namespace {

constexpr uint16_t kDomain = 53;
// A container may come and go at any time, and a second look costs little.
constexpr uint32_t kTimeToLive = 5;
constexpr size_t kMostReply = 4096;  // of a name server, as EDNS has it usually
constexpr int kAtOnce = 16;          // so that a flood does not starve the rest

uint64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec / 1000000);
}

uint16_t id_of(const uint8_t* packet) { return static_cast<uint16_t>(packet[0] << 8 | packet[1]); }

void set_id(uint8_t* packet, uint16_t id) {
    packet[0] = static_cast<uint8_t>(id >> 8);
    packet[1] = static_cast<uint8_t>(id);
}

bool same(const sockaddr_in& a, const sockaddr_in& b) {
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
}

// A port of its own for each question: whoever wants to forge an answer has to guess it too.
int connect_to(const NameServer& server) {
    int fd = socket(server.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    sockaddr_storage storage{};
    socklen_t size;
    if (server.family == AF_INET) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(kDomain);
        memcpy(&address.sin_addr, server.address, sizeof address.sin_addr);
        size = sizeof address;
        memcpy(&storage, &address, size);
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(kDomain);
        memcpy(&address.sin6_addr, server.address, sizeof address.sin6_addr);
        size = sizeof address;
        memcpy(&storage, &address, size);
    }
    if (connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0) return fd;
    close(fd);
    return -1;
}

}  // namespace

int NameService::open(int udp, const Resolver& servers, const char* networks_file) {
    socket_.handle = on_query;
    socket_.fd = udp;
    socket_.service = this;
    servers_ = &servers;
    networks_file_ = networks_file;
    return loop_.add(&socket_, EPOLLIN);
}

void NameService::close() {
    if (servers_ == nullptr) return;
    for (int i = 0; pending_ != nullptr && i < kMostPending; ++i)
        if (pending_[i].used) end(pending_[i]);
    free(pending_);
    pending_ = nullptr;
    loop_.remove(&socket_);
    ::close(socket_.fd);
    servers_ = nullptr;
}

void NameService::on_query(Watcher* self, uint32_t) {
    auto& socket = *static_cast<Socket*>(self);
    uint8_t query[kMostQuery + 1];
    for (int i = 0; i < kAtOnce; ++i) {
        sockaddr_in client{};
        socklen_t length = sizeof client;
        ssize_t n = recvfrom(socket.fd, query, sizeof query, MSG_DONTWAIT,
                             reinterpret_cast<sockaddr*>(&client), &length);
        if (n < 0) return;
        if (length == sizeof client && client.sin_family == AF_INET)
            socket.service->serve(query, static_cast<size_t>(n), client);
    }
}

void NameService::serve(const uint8_t* query, size_t size, const sockaddr_in& client) {
    Question question;
    switch (read_query(query, size, question)) {
        case Query::none: return;
        case Query::bad: return reply_code(client, query, kDnsHeader, Rcode::malformed);
        case Query::strange: return reply_code(client, query, kDnsHeader, Rcode::not_implemented);
        case Query::question: break;
    }
    uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    bool inner = question.of_class == kClassIn && question.plain;
    if (inner && (answer_names(question, query, answer) || answer_address(question, query, answer)))
        return reply(client, answer.bytes, answer.size);
    // An internal network tells nobody what its containers look for (CVE-2024-29018).
    if (!asks_others(networks_file_))
        return reply_code(client, query, question.end, Rcode::no_such_name);
    ask(query, size, client, question.end);
}

// A name that is known has no records of other types: that is said, and nobody else is asked.
bool NameService::answer_names(const Question& question, const uint8_t* query, Answer& answer) {
    Found found;
    find_name(networks_file_, question.name, found);
    if (!found.known) return false;
    begin_answer(answer, query, question.end, Rcode::ok);
    bool all = question.type == kTypeAny;
    ++turn_;
    for (uint32_t i = 0; i < found.count4 && (all || question.type == kTypeA); ++i)
        add_record(answer, kTypeA, kTimeToLive, found.v4[(i + turn_) % found.count4], 4);
    for (uint32_t i = 0; i < found.count6 && (all || question.type == kTypeAaaa); ++i)
        add_record(answer, kTypeAaaa, kTimeToLive, found.v6[(i + turn_) % found.count6], 16);
    return true;
}

bool NameService::answer_address(const Question& question, const uint8_t* query, Answer& answer) {
    char address[INET6_ADDRSTRLEN], name[256];
    if (question.type != kTypePtr || !read_reverse_name(question.name, address, sizeof address) ||
        !find_address(networks_file_, address, name, sizeof name))
        return false;
    begin_answer(answer, query, question.end, Rcode::ok);
    return add_name_record(answer, kTimeToLive, name);
}

// One that is asked again before it was answered goes to the next name server.
NameService::Pending& NameService::place_for(const sockaddr_in& client, uint16_t id) {
    Pending* place = &pending_[0];
    for (int i = 0; i < kMostPending; ++i) {
        Pending& pending = pending_[i];
        if (pending.used && pending.client_id == id && same(pending.client, client)) return pending;
        if (!pending.used || (place->used && pending.since_ms < place->since_ms)) {
            if (place->used || !pending.used) place = &pending;
        }
    }
    if (place->used) end(*place);
    return *place;
}

void NameService::ask(const uint8_t* query, size_t size, const sockaddr_in& client,
                      size_t question_end) {
    if (pending_ == nullptr)
        pending_ = static_cast<Pending*>(calloc(kMostPending, sizeof(Pending)));
    if (servers_->server_count == 0 || pending_ == nullptr)
        return reply_code(client, query, question_end, Rcode::failed);
    Pending& pending = place_for(client, id_of(query));
    bool again = pending.used;
    uint16_t next = again ? static_cast<uint16_t>(pending.server + 1) : uint16_t{0};
    if (again) end(pending);
    pending.service = this;
    pending.used = true;
    pending.fd = -1;
    pending.client = client;
    pending.client_id = id_of(query);
    pending.server = static_cast<uint16_t>(next % servers_->server_count);
    pending.since_ms = now_ms();
    pending.size = size;
    memcpy(pending.query, query, size);
    if (getrandom(&pending.id, sizeof pending.id, 0) != sizeof pending.id || !send_on(pending))
        fail(pending);
}

bool NameService::send_on(Pending& pending) {
    pending.fd = connect_to(servers_->servers[pending.server]);
    if (pending.fd < 0) return false;
    pending.handle = on_reply;
    set_id(pending.query, pending.id);
    if (loop_.add(&pending, EPOLLIN) != 0) {
        ::close(pending.fd);
        pending.fd = -1;
        return false;
    }
    return send(pending.fd, pending.query, pending.size, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(pending.size);
}

// Nobody is there: the next one, or the last word.
void NameService::fail(Pending& pending) {
    while (pending.server + 1u < servers_->server_count) {
        uint16_t next = static_cast<uint16_t>(pending.server + 1);
        end(pending);
        pending.used = true;
        pending.server = next;
        if (send_on(pending)) return;
    }
    set_id(pending.query, pending.client_id);
    Question question;
    if (read_query(pending.query, pending.size, question) == Query::question)
        reply_code(pending.client, pending.query, question.end, Rcode::failed);
    end(pending);
}

void NameService::on_reply(Watcher* self, uint32_t) {
    auto& pending = *static_cast<Pending*>(self);
    if (pending.used) pending.service->take_reply(pending);
}

void NameService::take_reply(Pending& pending) {
    uint8_t bytes[kMostReply];
    ssize_t n = recv(pending.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) fail(pending);
        return;
    }
    constexpr uint8_t kResponse = 0x80;
    if (n < static_cast<ssize_t>(kDnsHeader) || id_of(bytes) != pending.id ||
        (bytes[2] & kResponse) == 0)
        return;
    set_id(bytes, pending.client_id);
    reply(pending.client, bytes, static_cast<size_t>(n));
    end(pending);
}

void NameService::end(Pending& pending) {
    pending.used = false;
    if (pending.fd < 0) return;
    loop_.remove(&pending);
    ::close(pending.fd);
    pending.fd = -1;
}

void NameService::reply(const sockaddr_in& client, const uint8_t* bytes, size_t size) {
    sendto(socket_.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&client), sizeof client);
}

void NameService::reply_code(const sockaddr_in& client, const uint8_t* query, size_t question_end,
                             Rcode code) {
    uint8_t bytes[kMostAnswer];
    Answer answer{bytes, sizeof bytes, 0};
    if (begin_answer(answer, query, question_end, code)) reply(client, answer.bytes, answer.size);
}

}  // namespace crank::shim
