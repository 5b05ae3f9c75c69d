#include "policy/json_reader.h"

#include <algorithm>
#include <set>
#include <vector>

namespace crank::policy {
namespace {

// nlohmann keeps the last of two equal keys in silence; a policy must not.
class DuplicateKeys {
public:
    bool operator()(int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) open_.emplace_back();
        if (event == Json::parse_event_t::object_end) open_.pop_back();
        if (event == Json::parse_event_t::key) {
            auto key = parsed.get<std::string>();
            if (!open_.back().insert(key).second && duplicate_.empty()) duplicate_ = key;
        }
        return true;
    }
    std::string take() { return std::move(duplicate_); }

private:
    std::vector<std::set<std::string>> open_;
    std::string duplicate_;
};

bool listed(std::initializer_list<std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

std::unexpected<Error> bad(std::string_view where, std::string what) {
    return fail(Code::invalid_argument, std::string(where) + ": " + std::move(what));
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
    DuplicateKeys keys;
    try {
        Json json = Json::parse(text, std::ref(keys));
        if (std::string key = keys.take(); !key.empty())
            return fail(Code::invalid_argument,
                        "the key \"" + key + "\" stands twice in one object");
        return json;
    } catch (const Json::exception& e) {
        return fail(Code::invalid_argument, std::string("not valid json: ") + e.what());
    }
}

Result<> expect_fields(const Json& object, std::string_view where,
                       std::initializer_list<std::string_view> required,
                       std::initializer_list<std::string_view> optional) {
    if (!object.is_object()) return bad(where, "not an object");
    for (std::string_view name : required) {
        if (!object.contains(name))
            return bad(where, "the field \"" + std::string(name) + "\" is missing");
    }
    for (const auto& [name, value] : object.items()) {
        if (!listed(required, name) && !listed(optional, name))
            return bad(where, "unknown field \"" + name + "\"");
    }
    return {};
}

Result<std::string> text_field(const Json& object, std::string_view where, const char* name) {
    auto field = object.find(name);
    if (field == object.end() || !field->is_string())
        return bad(where, "\"" + std::string(name) + "\" is not a string");
    return field->get<std::string>();
}

Result<> expect_array(const Json& value, std::string_view where) {
    if (!value.is_array() || value.empty()) return bad(where, "not a list with something in it");
    return {};
}

Result<> expect_why(const Json& object, std::string_view where) {
    auto field = object.find("why");
    if (field == object.end()) return bad(where, "the field \"why\" is missing");
    if (!field->is_string()) return bad(where, "\"why\" is not a string");
    const auto& why = field->get_ref<const std::string&>();
    if (why.size() < 12 || why.find(' ') == std::string::npos)
        return bad(where, "\"why\" gives no reason");
    return {};
}

}  // namespace crank::policy
