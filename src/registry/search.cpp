#include "registry/search.h"

#include "base/text.h"
#include "oci/json_reader.h"

namespace crank::registry {
namespace {

Result<Found> read_found(const oci::Json& value, const std::string& path) {
    auto in = TRY(oci::ObjectReader::create(value, path, Code::corrupt));
    Found found;
    TRY(in.require("name"));
    TRY(in.read("name", found.name));
    TRY(in.read("description", found.description));
    TRY(in.read("star_count", found.stars));
    TRY(in.read("is_official", found.official));
    TRY(in.read("is_automated", found.automated));
    return found;
}

}  // namespace

Result<std::vector<Found>> parse_search(std::string_view json) {
    auto read = [&]() -> Result<std::vector<Found>> {
        auto root = TRY(oci::parse_json(json, Code::corrupt));
        auto in = TRY(oci::ObjectReader::create(root, "", Code::corrupt));
        TRY(in.require("results"));
        std::vector<Found> all;
        TRY(in.each("results", [&](const oci::Json& value, const std::string& path) -> Result<> {
            all.push_back(TRY(read_found(value, path)));
            return {};
        }));
        return all;
    };
    return TRY_IN(read(), "the answer to a search");
}

Result<std::vector<std::string>> parse_catalog(std::string_view json) {
    auto read = [&]() -> Result<std::vector<std::string>> {
        auto root = TRY(oci::parse_json(json, Code::corrupt));
        auto in = TRY(oci::ObjectReader::create(root, "", Code::corrupt));
        // Of an empty registry it may be null.
        if (!root.contains("repositories")) TRY(in.require("repositories"));
        std::vector<std::string> names;
        TRY(in.read("repositories", names));
        return names;
    };
    return TRY_IN(read(), "the catalogue of a registry");
}

std::vector<Found> matching(const std::vector<std::string>& names, std::string_view term,
                            std::size_t most) {
    std::vector<Found> found;
    std::string wanted = to_lower(term);
    for (const std::string& name : names) {
        if (found.size() == most) break;
        if (to_lower(name).find(wanted) != std::string::npos)
            found.push_back({.name = name, .description = ""});
    }
    return found;
}

}  // namespace crank::registry
