// Questions and answers of the Domain Name System (RFC 1035), as far as a resolver that knows
// containers needs them. What is read comes from a container: every length is checked, nothing is
// followed, nothing allocated. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace crank::shim {

inline constexpr uint16_t kTypeA = 1, kTypePtr = 12, kTypeAaaa = 28, kTypeAny = 255;
inline constexpr uint16_t kClassIn = 1;
enum class Rcode : uint8_t {
    ok = 0,
    malformed = 1,
    failed = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5
};

inline constexpr size_t kDnsHeader = 12;
inline constexpr size_t kMostQuery = 512;   // of what is looked at
inline constexpr size_t kMostAnswer = 512;  // without EDNS (RFC 1035, section 4.2.1)

struct Question {
    char name[256];  // lower case, labels with dots between them; "" is the root
    uint16_t type;
    uint16_t of_class;
    size_t end;  // of the question in the packet
    bool plain;  // every label holds letters, digits, '-' and '_' alone, so `name` is the whole of
                 // it
};

enum class Query : uint8_t {
    none,      // no query at all: nothing is said
    bad,       // Rcode::malformed is the answer
    strange,   // another operation than a question: Rcode::not_implemented
    question,  // one
};
Query read_query(const uint8_t* packet, size_t size, Question& question);

// An answer being written: the query's header and question, then records.
struct Answer {
    uint8_t* bytes;
    size_t capacity;
    size_t size;
};
// The question may be absent (size of it kDnsHeader): of a query that could not be read.
bool begin_answer(Answer& answer, const uint8_t* query, size_t question_end, Rcode code);
// Of what was asked for. False: it does not fit, and is left out.
bool add_record(Answer& answer, uint16_t type, uint32_t ttl, const uint8_t* data, size_t size);
// "mail.front" as a PTR record.
bool add_name_record(Answer& answer, uint32_t ttl, const char* name);

// The address that "2.0.205.10.in-addr.arpa" or its like below ip6.arpa asks for, as a text
// (inet_ntop's). False: it asks for none.
bool read_reverse_name(const char* name, char* out, size_t capacity);

}  // namespace crank::shim
