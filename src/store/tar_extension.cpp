// pax headers and GNU long names: what stands before the entry that it speaks of.
#include <algorithm>

#include "base/text.h"
#include "store/tar_reader.h"

namespace crank::store {

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "1700000000.25" or "-1.5": seconds with a fraction, rounded towards the past.
struct Time {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
};
std::optional<Time> parse_time(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::string_view whole = text.substr(0, text.find('.'));
    std::string fraction;
    if (whole.size() != text.size()) fraction = text.substr(whole.size() + 1);
    if (!is_digits(whole) || (whole.size() != text.size() && !is_digits(fraction))) return {};
    auto seconds = parse_int(whole);
    if (!seconds) return {};
    fraction.resize(9, '0');
    std::int64_t nanoseconds = *parse_int(fraction);
    if (!negative) return Time{*seconds, static_cast<std::uint32_t>(nanoseconds)};
    if (nanoseconds == 0) return Time{-*seconds, 0};
    return Time{-*seconds - 1, static_cast<std::uint32_t>(1'000'000'000 - nanoseconds)};
}

}  // namespace

Result<std::string> TarReader::read_extension(std::int64_t size) {
    if (size < 0 || size > static_cast<std::int64_t>(limits_.extension))
        return corrupt("an extended header is larger than 1 MiB");
    std::string content(static_cast<std::size_t>(size + tar_padding(size)), '\0');
    TRY(read_structure({reinterpret_cast<std::uint8_t*>(content.data()), content.size()}));
    content.resize(static_cast<std::size_t>(size));
    return content;
}

// True where the block was such a header and has been read.
Result<bool> TarReader::take_extension(const Block&, char type, std::int64_t size, Extension& out) {
    if (type == 'x') {
        if (out.pax) return corrupt("two pax headers stand before one entry");
        out.pax = true;
        TRY(read_pax(TRY(read_extension(size)), out));
    } else if (type == 'g') {
        Extension global;
        TRY(read_pax(TRY(read_extension(size)), global));
        // git writes its commit as a comment; anything else would silently change later entries.
        if (global.path || global.link || global.size || global.uid || global.gid || global.mtime ||
            !global.xattrs.empty())
            return unsupported("a global pax header with more than a comment");
    } else if (type == 'L' || type == 'K') {
        bool& seen = type == 'L' ? out.gnu_path : out.gnu_link;
        if (seen) return corrupt("two long names stand before one entry");
        seen = true;
        std::string text = TRY(read_extension(size));
        text.resize(std::min(text.find('\0'), text.size()));
        auto& target = type == 'L' ? out.path : out.link;
        if (target) return corrupt("a pax header and a long name disagree");
        target = std::move(text);
    } else {
        return false;
    }
    return true;
}

Result<> TarReader::read_pax(const std::string& records, Extension& out) {
    std::vector<std::string> seen;
    std::size_t at = 0;
    while (at < records.size()) {
        std::size_t space = records.find(' ', at);
        if (space == std::string::npos || space - at > 7)
            return corrupt("a pax record is malformed");
        std::string_view digits = std::string_view(records).substr(at, space - at);
        if (!is_digits(digits) || digits.front() == '0')
            return corrupt("a pax record is malformed");
        auto length = static_cast<std::size_t>(*parse_int(digits));
        std::size_t end = at + length;
        if (end > records.size() || end < space + 3 || records[end - 1] != '\n')
            return corrupt("a pax record is malformed");
        std::size_t equals = records.find('=', space);
        if (equals >= end || equals == space + 1) return corrupt("a pax record is malformed");
        std::string key = records.substr(space + 1, equals - space - 1);
        if (std::ranges::find(seen, key) != seen.end())
            return corrupt("the pax record '" + key + "' stands twice");
        if (seen.size() == 1024) return corrupt("a pax header has more than 1024 records");
        TRY(pax_field(key, records.substr(equals + 1, end - equals - 2), out));
        seen.push_back(std::move(key));
        at = end;
    }
    return {};
}

Result<> TarReader::pax_field(const std::string& key, const std::string& value, Extension& out) {
    bool has_nul = value.find('\0') != std::string::npos;
    if (key.starts_with(kXattrPrefix)) {
        std::string name = key.substr(kXattrPrefix.size());
        if (name.find('\0') != std::string::npos || name.size() > 255)
            return corrupt("an extended attribute has a bad name");
        out.xattrs[std::move(name)] = value;
    } else if (key == "path" || key == "linkpath") {
        if (value.empty() || has_nul) return corrupt("the pax record '" + key + "' is no path");
        auto& target = key == "path" ? out.path : out.link;
        if (target) return corrupt("a pax header and a long name disagree");
        target = value;
    } else if (key == "size" || key == "uid" || key == "gid") {
        auto parsed = is_digits(value) ? parse_int(value) : std::nullopt;
        if (!parsed) return corrupt("the pax record '" + key + "' is no number");
        (key == "size" ? out.size : key == "uid" ? out.uid : out.gid) = *parsed;
    } else if (key == "mtime") {
        auto time = parse_time(value);
        if (!time) return corrupt("the pax record 'mtime' is no time");
        out.mtime = time->seconds;
        out.mtime_ns = time->nanoseconds;
    } else if (key.starts_with("GNU.sparse.")) {
        return unsupported("a sparse file");
    }
    return {};
}

}  // namespace crank::store
