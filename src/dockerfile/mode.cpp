#include "dockerfile/mode.h"

#include <charconv>

#include "base/text.h"

namespace crank::dockerfile {

namespace {

constexpr std::uint32_t kAll = 07777;
constexpr std::uint32_t kUser = 04700, kGroup = 02070, kOther = 01007;

std::uint32_t who_of(char letter) {
    switch (letter) {
        case 'u': return kUser;
        case 'g': return kGroup;
        case 'o': return kOther;
        case 'a': return kAll;
        default: return 0;
    }
}

// For everybody; `who` picks.
std::uint32_t bits_of(char letter) {
    switch (letter) {
        case 'r': return 0444;
        case 'w': return 0222;
        case 'x': return 0111;
        case 's': return 06000;
        case 't': return 01000;
        default: return 0;
    }
}

// What one of them may do, given to everybody.
std::uint32_t bits_like(char letter, std::uint32_t mode) {
    std::uint32_t bits = (letter == 'u' ? mode >> 6 : letter == 'g' ? mode >> 3 : mode) & 07;
    return bits * 0111;
}

}  // namespace

std::optional<ModeChange> ModeChange::parse(std::string_view text) {
    ModeChange change;
    change.text_ = text;
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, value, 8);
    if (!text.empty() && error == std::errc{} && stop == end) {
        if (value > kAll) return std::nullopt;
        change.absolute_ = value;
        return change;
    }
    for (const std::string& clause : split(text, ','))
        if (!parse_clause(clause, change.clauses_)) return std::nullopt;
    return change;
}

bool ModeChange::read_bits(std::string_view& text, Clause& clause) {
    while (!text.empty() && std::string_view("+-=").find(text[0]) == std::string_view::npos) {
        char letter = text[0];
        text.remove_prefix(1);
        bool another = clause.bits != 0 || clause.execute_where_any || clause.like != 0;
        if (letter == 'u' || letter == 'g' || letter == 'o') {
            if (another) return false;
            clause.like = letter;
        } else if (clause.like != 0) {
            return false;
        } else if (letter == 'X') {
            clause.execute_where_any = true;
        } else if (std::uint32_t bits = bits_of(letter); bits != 0) {
            clause.bits |= bits;
        } else {
            return false;
        }
    }
    return true;
}

bool ModeChange::parse_clause(std::string_view text, std::vector<Clause>& out) {
    std::uint32_t who = 0;
    while (!text.empty() && who_of(text[0]) != 0) {
        who |= who_of(text[0]);
        text.remove_prefix(1);
    }
    if (text.empty()) return false;
    while (!text.empty()) {
        Clause clause{.who = who == 0 ? kAll : who, .action = text[0]};
        if (std::string_view("+-=").find(text[0]) == std::string_view::npos) return false;
        text.remove_prefix(1);
        if (!read_bits(text, clause)) return false;
        out.push_back(clause);
    }
    return true;
}

std::uint32_t ModeChange::apply(std::uint32_t mode, bool directory) const {
    if (absolute_) return *absolute_;
    for (const Clause& clause : clauses_) {
        std::uint32_t bits = clause.like != 0 ? bits_like(clause.like, mode) : clause.bits;
        if (clause.execute_where_any && (directory || (mode & 0111) != 0)) bits |= 0111;
        bits &= clause.who;
        if (clause.action == '=') mode &= ~clause.who;
        mode = clause.action == '-' ? mode & ~bits : mode | bits;
    }
    return mode;
}

}  // namespace crank::dockerfile
