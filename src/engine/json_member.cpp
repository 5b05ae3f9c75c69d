#include "engine/json_member.h"

namespace crank::engine {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr auto kNowhere = std::string_view::npos;

// Behind the string that begins at `at`.
std::size_t end_of_string(std::string_view json, std::size_t at) {
    while (true) {
        at = json.find_first_of("\"\\", at + 1);
        if (at == kNowhere) return kNowhere;
        if (json[at] == '"') return at + 1;
        at++;
    }
}

// Behind the object or list that begins at `at`.
std::size_t end_of_nested(std::string_view json, std::size_t at) {
    std::size_t depth = 0;
    while (true) {
        at = json.find_first_of("\"{}[]", at);
        if (at == kNowhere) return kNowhere;
        if (json[at] == '"') {
            at = end_of_string(json, at);
            if (at == kNowhere) return kNowhere;
            continue;
        }
        bool opens = json[at] == '{' || json[at] == '[';
        at++;
        if (opens)
            depth++;
        else if (--depth == 0)
            return at;
    }
}

std::size_t skip_blanks(std::string_view json, std::size_t at) {
    return at == kNowhere ? kNowhere : json.find_first_not_of(kBlanks, at);
}

bool has(std::string_view json, std::size_t at, char wanted) {
    return at != kNowhere && json[at] == wanted;
}

}  // namespace

std::optional<MemberPlace> find_object_member(std::string_view json, std::string_view key) {
    std::size_t at = skip_blanks(json, 0);
    if (!has(json, at, '{')) return std::nullopt;
    at++;
    while (true) {
        at = json.find_first_of("\"{}[]", at);
        if (at == kNowhere || json[at] == '}' || json[at] == ']') return std::nullopt;
        bool is_string = json[at] == '"';
        std::size_t end = is_string ? end_of_string(json, at) : end_of_nested(json, at);
        if (end == kNowhere) return std::nullopt;
        std::size_t colon = is_string ? skip_blanks(json, end) : kNowhere;
        if (has(json, colon, ':') && json.substr(at + 1, end - at - 2) == key) {
            std::size_t begin = skip_blanks(json, colon + 1);
            std::size_t behind = has(json, begin, '{') ? end_of_nested(json, begin) : kNowhere;
            if (behind == kNowhere) return std::nullopt;
            return MemberPlace{begin, behind - begin};
        }
        at = end;
    }
}

}  // namespace crank::engine
