// Reading hostile JSON into types: bounded, positions in errors, no exceptions. Internal to oci.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::oci {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxJsonBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxJsonDepth = 64;

// Refuses, with `code`: more than `limit` bytes, a depth over 64, a key that stands twice in one
// object (two readers would see two documents), text that is not UTF-8.
Result<Json> parse_json(std::string_view text, Code code, std::size_t limit = kMaxJsonBytes);

// The fields of one object. Each read names the JSON path ("process.user.uid") in its error; an
// absent field and `null` (which Go writes for an empty list) leave the target as it is.
class ObjectReader {
public:
    static Result<ObjectReader> create(const Json& value, std::string path, Code code);
    // Unknown fields of this object, and of those below it that are read through it, are listed
    // there instead of refused.
    void tolerate_unknown(std::vector<std::string>* ignored) { ignored_ = ignored; }
    // An element of a list of this object.
    Result<ObjectReader> element(const Json& value, std::string path) const {
        ObjectReader reader = TRY(create(value, std::move(path), code_));
        reader.ignored_ = ignored_;
        return reader;
    }

    // The field, or nullptr. Counts as read.
    const Json* find(std::string_view name);
    Result<const Json*> require(std::string_view name);

    Result<> read(std::string_view name, std::string& out);
    Result<> read(std::string_view name, bool& out);
    Result<> read(std::string_view name, std::vector<std::string>& out);
    Result<> read(std::string_view name, std::map<std::string, std::string>& out);
    // {"a": {}, "b": {}}: Go's way to write a set.
    Result<> read_set(std::string_view name, std::vector<std::string>& out);

    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Result<> read(std::string_view name, T& out) {
        const Json* value = find(name);
        if (value == nullptr) return {};
        auto wide = TRY(integer(*value, name));
        bool fits = wide.negative
                        ? static_cast<std::int64_t>(wide.bits) >=
                              static_cast<std::int64_t>(std::numeric_limits<T>::min())
                        : wide.bits <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        if (!fits) return bad(name, "is out of range");
        out = static_cast<T>(wide.bits);
        return {};
    }
    template <class T>
    Result<> read(std::string_view name, std::optional<T>& out) {
        if (find(name) == nullptr) return {};
        T value{};
        TRY(read(name, value));
        out = std::move(value);
        return {};
    }

    // Calls `each(element, path)` for every element of the array.
    template <class F>
    Result<> each(std::string_view name, F&& f) {
        const Json* value = find(name);
        if (value == nullptr) return {};
        if (!value->is_array()) return bad(name, "is not a list");
        for (std::size_t i = 0; i < value->size(); ++i)
            TRY(f((*value)[i], path_of(name) + "[" + std::to_string(i) + "]"));
        return {};
    }
    // Calls `f(reader)` for the object, where the field is there.
    template <class F>
    Result<> object(std::string_view name, F&& f) {
        const Json* value = find(name);
        if (value == nullptr) return {};
        ObjectReader reader = TRY(element(*value, path_of(name)));
        return f(reader);
    }

    // A field of the specification that crank does not implement: an error where it asks for
    // something (not null, false, 0, "", an empty list, or an object of nothing but these).
    Result<> refuse_unsupported(std::initializer_list<std::string_view> names);
    // Refuses every field that was not read, with the nearest known name as the hint.
    Result<> refuse_unknown() const;

    // Of all fields; of an object whose names are the user's.
    std::vector<std::string> names() const;

    std::string path_of(std::string_view name) const;
    std::unexpected<Error> bad(std::string_view name, std::string_view what) const;
    Code code() const { return code_; }

private:
    ObjectReader(const Json& value, std::string path, Code code)
        : value_(&value), path_(std::move(path)), code_(code) {}
    struct Integer {
        std::uint64_t bits;
        bool negative;
    };
    Result<Integer> integer(const Json& value, std::string_view name) const;

    const Json* value_;
    std::string path_;
    Code code_;
    std::vector<std::string_view> known_;
    std::vector<std::string>* ignored_ = nullptr;
};

// A string without NUL: everything here ends in a C string sooner or later.
Result<std::string> text_of(const Json& value, const std::string& path, Code code);

}  // namespace crank::oci
