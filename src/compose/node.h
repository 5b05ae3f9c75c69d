// A value of a compose file and where it was written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crank::compose {

// `file` counts the names of a Diagnostics; lines and columns count from 1, 0: not from a file.
struct Position {
    std::uint32_t file = 0, line = 0, column = 0;
};

enum class Kind : std::uint8_t { null, boolean, integer, real, text, list, map };

// The specification's tags: what a file that is merged over another does to the other's value.
enum class Tag : std::uint8_t { none, reset, replace };

struct Field;

struct Node {
    Kind kind = Kind::null;
    Tag tag = Tag::none;
    bool flag = false;
    std::int64_t number = 0;
    double fraction = 0;
    Position at;
    std::string text;
    std::vector<Node> items;
    std::vector<Field> fields;  // in the order they were written

    static Node of_text(std::string text, Position at = {});
    static Node of_number(std::int64_t number, Position at = {});
    static Node of_fraction(double fraction, Position at = {});
    static Node of_flag(bool flag, Position at = {});
    static Node list(Position at = {});
    static Node map(Position at = {});

    bool is(Kind other) const { return kind == other; }
    bool is_null() const { return kind == Kind::null; }
    bool is_map() const { return kind == Kind::map; }
    bool is_list() const { return kind == Kind::list; }
    bool is_text() const { return kind == Kind::text; }
    bool is_scalar() const { return kind != Kind::list && kind != Kind::map; }

    // Of a map; of anything else they find nothing.
    const Node* find(std::string_view key) const;
    Node* find(std::string_view key);
    // The text of a field, empty where there is none.
    std::string text_of(std::string_view key) const;
    void set(std::string_view key, Node value);
    void erase(std::string_view key);

    bool operator==(const Node& other) const;  // but for positions and order of fields
};

struct Field {
    std::string key;
    Position at;
    Node value;
};

// With all that it holds, keys too.
std::size_t count_nodes(const Node& node);

// Of one mapping or list. Looking for a field goes through all of them.
inline constexpr std::size_t kMaxEntries = 5000;
// Of a project, with what is included, extended or inherited more than once.
inline constexpr std::size_t kMaxProjectNodes = 400'000;

// As Go prints the value where a text is wanted: "1.5", "true", "420"; "" of null.
std::string scalar_text(const Node& node);
// "a string", "a list"... for messages.
std::string_view kind_name(Kind kind);

}  // namespace crank::compose
