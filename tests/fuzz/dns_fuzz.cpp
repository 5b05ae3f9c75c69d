// A packet that a container sends to its resolver, and the answer that is written for it. The first
// byte says how much room the answer has, the second what it answers.
#include <arpa/inet.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz_support.h"
#include "shim/dns.h"

using namespace crank::shim;
using crank::fuzz::Input;
using crank::fuzz::require;

namespace {

// What becomes part of a path says so itself.
void check_question(const Question& question, std::size_t size) {
    std::string_view name = question.name;
    require(name.size() <= 253);
    require(question.end > kDnsHeader + 4 && question.end <= size);
    bool all_plain = true;
    for (char c : name) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        require(plain || c == '.' || c == '?');
        all_plain = all_plain && c != '?';
    }
    require(all_plain == question.plain);
}

void check_reverse(const char* name) {
    std::array<char, INET6_ADDRSTRLEN> address{};
    if (!read_reverse_name(name, address.data(), address.size())) return;
    std::array<std::uint8_t, 16> bytes{};
    bool is_one = inet_pton(AF_INET, address.data(), bytes.data()) == 1 ||
                  inet_pton(AF_INET6, address.data(), bytes.data()) == 1;
    require(is_one && std::string_view(name).ends_with(".arpa"));
}

// Of its own size on the heap, so that each byte too many is seen.
void check_answer(const std::uint8_t* query, std::size_t question_end, std::size_t capacity,
                  std::uint8_t kind, const char* name) {
    auto bytes = std::make_unique<std::uint8_t[]>(capacity);
    Answer answer{bytes.get(), capacity, 0};
    bool begun = begin_answer(answer, query, question_end, static_cast<Rcode>(kind % 6));
    require(begun == (question_end >= kDnsHeader && question_end <= capacity));
    if (!begun) return;
    require(answer.size == question_end && (bytes[2] & 0x80) != 0);
    // The caller's number, so that he knows what it answers.
    require(bytes[0] == query[0] && bytes[1] == query[1]);
    const std::array<std::uint8_t, 16> address{};
    std::size_t records = 0, before = answer.size;
    for (int i = 0; i < 40; ++i) {
        bool added = kind % 3 == 0   ? add_record(answer, kTypeA, 0, address.data(), 4)
                     : kind % 3 == 1 ? add_record(answer, kTypeAaaa, 0, address.data(), 16)
                                     : add_name_record(answer, 0, name);
        if (!added) break;
        ++records;
        require(answer.size > before);
        before = answer.size;
    }
    require(answer.size <= capacity);
    require(static_cast<std::size_t>(bytes[6] << 8 | bytes[7]) == records);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::size_t capacity = std::size_t{input.byte()} * 3;
    std::uint8_t kind = input.byte();
    std::string_view rest = input.rest();
    auto packet = std::make_unique<std::uint8_t[]>(rest.size());
    std::copy(rest.begin(), rest.end(), packet.get());
    Question question{};
    Query query = read_query(packet.get(), rest.size(), question);
    if (query == Query::none) return 0;
    require(rest.size() >= kDnsHeader);
    if (query != Query::question) {
        check_answer(packet.get(), kDnsHeader, capacity, kind, "");
        return 0;
    }
    check_question(question, rest.size());
    check_reverse(question.name);
    check_answer(packet.get(), question.end, capacity, kind, question.name);
    return 0;
}
