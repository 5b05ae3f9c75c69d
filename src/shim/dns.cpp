#include "shim/dns.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

namespace crank::shim {
namespace {

constexpr size_t kMostLabel = 63, kMostName = 253;  // RFC 1035, section 2.3.4, as text
constexpr uint8_t kResponse = 0x80, kAuthoritative = 0x04, kRecursionDesired = 0x01;
constexpr uint8_t kRecursionAvailable = 0x80;
constexpr uint8_t kOpcodeMask = 0x78;
constexpr uint16_t kPointerToQuestion = 0xc000 | kDnsHeader;  // RFC 1035, section 4.1.4

uint16_t get16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

void put16(uint8_t* at, uint16_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

bool is_plain(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<uint8_t>(c + 32) : c; }

// From `at` on; where it ends, or 0.
size_t read_name(const uint8_t* packet, size_t size, size_t at, Question& question) {
    size_t length = 0;
    question.plain = true;
    while (true) {
        if (at >= size) return 0;
        size_t label = packet[at++];
        if (label == 0) break;
        // Longer ones are pointers, which a question has no use for.
        if (label > kMostLabel || label > size - at) return 0;
        if (length + (length != 0) + label > kMostName) return 0;
        if (length != 0) question.name[length++] = '.';
        for (size_t i = 0; i < label; ++i) {
            uint8_t c = lower(packet[at + i]);
            if (!is_plain(c)) question.plain = false;
            question.name[length++] = static_cast<char>(is_plain(c) ? c : '?');
        }
        at += label;
    }
    question.name[length] = 0;
    return at;
}

bool append(Answer& answer, const void* data, size_t size) {
    if (size > answer.capacity - answer.size) return false;
    memcpy(answer.bytes + answer.size, data, size);
    answer.size += size;
    return true;
}

// Name, type, class, time to live and length in front of the data.
bool begin_record(Answer& answer, uint16_t type, uint32_t ttl, size_t size) {
    constexpr size_t kFixed = 12;
    if (size > UINT16_MAX || kFixed + size > answer.capacity - answer.size) return false;
    uint8_t fixed[kFixed];
    put16(fixed, kPointerToQuestion);
    put16(fixed + 2, type);
    put16(fixed + 4, kClassIn);
    put16(fixed + 6, static_cast<uint16_t>(ttl >> 16));
    put16(fixed + 8, static_cast<uint16_t>(ttl));
    put16(fixed + 10, static_cast<uint16_t>(size));
    append(answer, fixed, sizeof fixed);
    put16(answer.bytes + 6, static_cast<uint16_t>(get16(answer.bytes + 6) + 1));
    return true;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// "2.0.205.10": the bytes from the last to the first.
bool read_reverse4(const char* name, size_t length, uint8_t* bytes) {
    size_t at = 0;
    for (int part = 3; part >= 0; --part) {
        int value = 0;
        size_t digits = 0;
        for (; at < length && name[at] >= '0' && name[at] <= '9' && digits < 4; ++at, ++digits)
            value = value * 10 + (name[at] - '0');
        if (digits == 0 || digits > 3 || value > 255) return false;
        bytes[part] = static_cast<uint8_t>(value);
        if (part > 0 && (at >= length || name[at++] != '.')) return false;
    }
    return at == length;
}

// 32 digits with dots between them, the last one first.
bool read_reverse6(const char* name, size_t length, uint8_t* bytes) {
    constexpr size_t kDigits = 32;
    if (length != 2 * kDigits - 1) return false;
    memset(bytes, 0, 16);
    for (size_t i = 0; i < kDigits; ++i) {
        int digit = hex_digit(name[2 * i]);
        if (digit < 0 || (i + 1 < kDigits && name[2 * i + 1] != '.')) return false;
        size_t nibble = kDigits - 1 - i;
        bytes[nibble / 2] |= static_cast<uint8_t>(nibble % 2 == 0 ? digit << 4 : digit);
    }
    return true;
}

// How much of the name is in front of the ending; 0: it has another.
size_t in_front_of(const char* name, const char* ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0 ? length - tail : 0;
}

}  // namespace

Query read_query(const uint8_t* packet, size_t size, Question& question) {
    if (size < kDnsHeader || (packet[2] & kResponse) != 0) return Query::none;
    if ((packet[2] & kOpcodeMask) != 0) return Query::strange;
    // One question, and no answers; what EDNS adds is left aside.
    if (get16(packet + 4) != 1 || get16(packet + 6) != 0 || size > kMostQuery) return Query::bad;
    size_t at = read_name(packet, size, kDnsHeader, question);
    if (at == 0 || size - at < 4) return Query::bad;
    question.type = get16(packet + at);
    question.of_class = get16(packet + at + 2);
    question.end = at + 4;
    return Query::question;
}

bool begin_answer(Answer& answer, const uint8_t* query, size_t question_end, Rcode code) {
    answer.size = 0;
    if (question_end < kDnsHeader || !append(answer, query, question_end)) return false;
    bool has_question = question_end > kDnsHeader;
    uint8_t* bytes = answer.bytes;
    bytes[2] = static_cast<uint8_t>(kResponse | kAuthoritative | (query[2] & kOpcodeMask) |
                                    (query[2] & kRecursionDesired));
    bytes[3] = static_cast<uint8_t>(kRecursionAvailable | static_cast<uint8_t>(code));
    put16(bytes + 4, has_question ? 1 : 0);
    for (size_t count = 6; count < kDnsHeader; count += 2) put16(bytes + count, 0);
    return true;
}

bool add_record(Answer& answer, uint16_t type, uint32_t ttl, const uint8_t* data, size_t size) {
    return begin_record(answer, type, ttl, size) && append(answer, data, size);
}

bool add_name_record(Answer& answer, uint32_t ttl, const char* name) {
    uint8_t labels[256];
    size_t size = 0;
    while (*name != 0) {
        const char* dot = strchr(name, '.');
        size_t label = dot == nullptr ? strlen(name) : static_cast<size_t>(dot - name);
        if (label == 0 || label > kMostLabel || size + 1 + label + 1 > sizeof labels) return false;
        labels[size++] = static_cast<uint8_t>(label);
        memcpy(labels + size, name, label);
        size += label;
        name += label + (dot != nullptr);
    }
    labels[size++] = 0;
    return add_record(answer, kTypePtr, ttl, labels, size);
}

bool read_reverse_name(const char* name, char* out, size_t capacity) {
    uint8_t bytes[16];
    if (size_t length = in_front_of(name, ".in-addr.arpa"); length != 0)
        return read_reverse4(name, length, bytes) &&
               inet_ntop(AF_INET, bytes, out, static_cast<socklen_t>(capacity)) != nullptr;
    if (size_t length = in_front_of(name, ".ip6.arpa"); length != 0)
        return read_reverse6(name, length, bytes) &&
               inet_ntop(AF_INET6, bytes, out, static_cast<socklen_t>(capacity)) != nullptr;
    return false;
}

}  // namespace crank::shim
