// The Compose specification as data: every field, what it may hold, how files merge in it, and
// whether crank does anything with it. Checking, normalising, merging and printing walk this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compose/diagnostics.h"
#include "compose/node.h"

namespace crank::compose {

enum class Shape : std::uint8_t {
    text,
    integer,
    number,
    boolean,
    bytes,     // "64m", 1024: a number of bytes, as text
    duration,  // "1m30s"
    mode,      // of a file: 0440 or "0440"
    count,     // a number or "all", which is -1
    word,      // a string, number or boolean, as text
    texts,
    text_or_texts,
    words,      // a list of strings and numbers, as texts
    pairs,      // NAME=VALUE lists or mappings; a value may be missing
    labels,     // the same; a missing value is the empty one
    options,    // a mapping of scalars, as texts
    repeated,   // a mapping of scalars or lists of them, as lists of texts
    command,    // a list of words, or a string that is split as a shell does
    test,       // of a health check
    hosts,      // NAME=ADDRESS
    ssh,        // ID or ID=PATH
    object,     // `of`
    objects,    // a list of `of`
    named,      // a mapping of names to `of`
    number_or,  // an integer or `of`
    flag_or,    // a boolean or `of`
    any,
};

// What two files' lists have in common: entries with the same key replace each other.
enum class Key : std::uint8_t { whole, name, target, file, port, path, subnet };

enum class Keep : std::uint8_t {
    nonzero,  // printed unless empty, false or 0
    present,  // printed where it was given
    always,   // printed as null or {} where it was not
};

enum class Support : std::uint8_t {
    full,
    read,    // checked, merged, printed; what starts projects does nothing with it yet, and says so
    warned,  // the same, and reading it says so
};

struct ObjectSpec;

// What a text must look like beyond being one.
struct TextRule {
    bool (*holds)(std::string_view text);
    std::string_view wanted;  // "a name such as web-1"
};

struct FieldSpec {
    std::string_view name;
    Shape shape = Shape::text;
    const ObjectSpec* of = nullptr;
    Support support = Support::full;
    Keep keep = Keep::nonzero;
    Key key = Key::whole;
    bool replaces = false;          // a later file's value replaces the earlier one's
    bool required = false;          // within the object that has it
    std::string_view choices = {};  // "a|b|c"
    const TextRule* rule = nullptr;
    bool nullable = false;  // may be written without a value
    bool natural = false;   // a number of 0 or more
    bool valued = false;    // each of the pairs has a value
};

// Reads the short form of an entry, which may stand for several.
using Expand = Result<std::vector<Node>> (*)(const Node& scalar, std::string_view path,
                                             const Diagnostics& diagnostics);

struct ObjectSpec {
    std::string_view what;  // "a service"
    std::span<const FieldSpec> fields = {};
    std::span<const FieldSpec> more = {}, most = {};
    std::string_view short_field = {};  // a string alone sets this field
    Expand expand = nullptr;
    bool names_as_list = false;  // a list of names is a mapping of them
    bool capitals = false;       // in Docker's JSON
    bool has_content = false;    // a name of one stands for nothing without fields
};

const ObjectSpec& project_schema();
const ObjectSpec& service_schema();
const ObjectSpec& worker_schema();  // x-crank of a service
// What a hook before the start inherits from its service.
std::span<const FieldSpec> container_fields();

const FieldSpec* find_field(const ObjectSpec& object, std::string_view name);
std::vector<std::string_view> field_names(const ObjectSpec& object);

// Fields of the project that other fields stand for: "services.NAME.ports[].target".
struct ListedField {
    std::string path;
    const FieldSpec* field;
    Support support;  // no more than that of what it is in
};
std::vector<ListedField> all_fields();

}  // namespace crank::compose
