// The modes of --chmod, as chmod(1) takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crank::dockerfile {

// "0755", or changes to the mode that a file has: "u+x,go-w", "a+rX", "g=u". Without a letter for
// whom, all are meant: there is no umask.
class ModeChange {
public:
    // nothing: it is neither.
    static std::optional<ModeChange> parse(std::string_view text);

    std::uint32_t apply(std::uint32_t mode, bool directory) const;
    // The mode, where it does not depend on the file's.
    std::optional<std::uint32_t> absolute() const { return absolute_; }
    const std::string& text() const { return text_; }
    bool operator==(const ModeChange& other) const { return text_ == other.text_; }

private:
    struct Clause {
        std::uint32_t who = 0;  // the bits of those that are meant, set-id bits included
        char action = '+';      // + - =
        std::uint32_t bits = 0;
        bool execute_where_any = false;  // X
        char like = 0;                   // u, g or o: theirs
    };
    static bool parse_clause(std::string_view text, std::vector<Clause>& out);
    static bool read_bits(std::string_view& text, Clause& clause);

    std::string text_;
    std::optional<std::uint32_t> absolute_;
    std::vector<Clause> clauses_;
};

}  // namespace crank::dockerfile
