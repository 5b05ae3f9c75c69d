// The argument grammars that instructions share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crank::dockerfile {

// What follows the keyword, split into the `--flags` at its front and the rest.
struct FlagsAndRest {
    std::vector<std::string> flags;  // quotes and escapes taken off
    std::string_view rest;           // trimmed; a part of the argument
};
FlagsAndRest split_flags(std::string_view arguments, char escape);

// Words between white space; quotes and escapes bind and stay in the words.
std::vector<std::string> split_quoted_words(std::string_view text, char escape);

// Words between blanks; quotes mean nothing.
std::vector<std::string> split_blanks(std::string_view text);

// A JSON array of strings.
struct JsonArray {
    enum class Kind : unsigned char {
        strings,   // `words` holds them
        other,     // valid JSON, and an array, but not of strings only
        not_json,  // anything else
    };
    Kind kind = Kind::not_json;
    std::vector<std::string> words;
};
JsonArray parse_json_array(std::string_view text);

}  // namespace crank::dockerfile
