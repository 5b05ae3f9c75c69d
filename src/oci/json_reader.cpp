#include "oci/json_reader.h"

#include <algorithm>

#include "base/text.h"

namespace crank::oci {

namespace {

// At most kMaxJsonDepth deep.
bool is_nothing(const Json& value) {
    if (value.is_object()) {
        for (const auto& [key, field] : value.get_ref<const Json::object_t&>())
            if (!is_nothing(field)) return false;
        return true;
    }
    return value.is_null() || value == false || value == 0 || value == "" ||
           (value.is_array() && value.empty());
}

std::string position_text(std::string_view text, std::size_t byte) {
    std::size_t line = 1, start = 0, end = std::min(byte > 0 ? byte - 1 : 0, text.size());
    for (std::size_t i = 0; i < end; ++i) {
        if (text[i] != '\n') continue;
        ++line;
        start = i + 1;
    }
    return "line " + std::to_string(line) + ", column " + std::to_string(end - start + 1);
}

// Builds the document while it checks what nlohmann's own builder does not: depth and twin keys.
class Builder {
public:
    using number_integer_t = Json::number_integer_t;
    using number_unsigned_t = Json::number_unsigned_t;
    using number_float_t = Json::number_float_t;
    using string_t = Json::string_t;
    using binary_t = Json::binary_t;

    Builder(Json& root, std::string_view text) : root_(root), text_(text) {}
    const std::string& error() const { return error_; }

    bool null() { return put(nullptr); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(number_integer_t value) { return put(value); }
    bool number_unsigned(number_unsigned_t value) { return put(value); }
    bool number_float(number_float_t value, const string_t&) { return put(value); }
    bool string(string_t& value) { return put(std::move(value)); }
    bool binary(binary_t&) { return stop("holds binary data"); }
    bool start_object(std::size_t) { return open(Json::object()); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(string_t& name) {
        auto& object = stack_.back()->get_ref<Json::object_t&>();
        auto [at, inserted] = object.try_emplace(name);
        if (!inserted) return stop("has the key '" + name + "' twice in one object");
        target_ = &at->second;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
        return stop("is not valid JSON at " + position_text(text_, position));
    }

private:
    bool stop(std::string why) {
        error_ = std::move(why);
        return false;
    }
    Json* place(Json value) {
        if (stack_.empty()) return &(root_ = std::move(value));
        if (!stack_.back()->is_array()) return &(*target_ = std::move(value));
        auto& array = stack_.back()->get_ref<Json::array_t&>();
        array.push_back(std::move(value));
        return &array.back();
    }
    bool put(Json value) {
        place(std::move(value));
        return true;
    }
    bool open(Json value) {
        if (stack_.size() == kMaxJsonDepth) return stop("is nested deeper than 64 levels");
        stack_.push_back(place(std::move(value)));
        return true;
    }
    bool close() {
        stack_.pop_back();
        return true;
    }

    Json& root_;
    std::string_view text_;
    std::vector<Json*> stack_;
    Json* target_ = nullptr;
    std::string error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, Code code, std::size_t limit) {
    if (text.size() > limit)
        return fail(code, "the document is larger than " + std::to_string(limit >> 20) + " MiB");
    Json root;
    Builder builder(root, text);
    if (!Json::sax_parse(text.begin(), text.end(), &builder))
        return fail(code, "the document " + builder.error());
    return root;
}

Result<std::string> text_of(const Json& value, const std::string& path, Code code) {
    if (!value.is_string()) return fail(code, "'" + path + "' is not a string");
    const auto& text = value.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos)
        return fail(code, "'" + path + "' holds a NUL character");
    return text;
}

Result<ObjectReader> ObjectReader::create(const Json& value, std::string path, Code code) {
    if (!value.is_object())
        return fail(code, path.empty() ? "the document is not an object"
                                       : "'" + path + "' is not an object");
    return ObjectReader(value, std::move(path), code);
}

std::vector<std::string> ObjectReader::names() const {
    std::vector<std::string> names;
    for (const auto& [name, value] : value_->items()) names.push_back(name);
    return names;
}

std::string ObjectReader::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

std::unexpected<Error> ObjectReader::bad(std::string_view name, std::string_view what) const {
    return fail(code_, "'" + path_of(name) + "' " + std::string(what));
}

const Json* ObjectReader::find(std::string_view name) {
    known_.push_back(name);
    const auto& object = value_->get_ref<const Json::object_t&>();
    auto at = object.find(name);
    return at == object.end() || at->second.is_null() ? nullptr : &at->second;
}

Result<const Json*> ObjectReader::require(std::string_view name) {
    const Json* value = find(name);
    if (value == nullptr) return bad(name, "is missing");
    return value;
}

Result<> ObjectReader::read(std::string_view name, std::string& out) {
    if (const Json* value = find(name)) out = TRY(text_of(*value, path_of(name), code_));
    return {};
}

Result<> ObjectReader::read(std::string_view name, bool& out) {
    const Json* value = find(name);
    if (value == nullptr) return {};
    if (!value->is_boolean()) return bad(name, "is not true or false");
    out = value->get<bool>();
    return {};
}

Result<> ObjectReader::read(std::string_view name, std::vector<std::string>& out) {
    std::vector<std::string> texts;
    TRY(each(name, [&](const Json& element, const std::string& path) -> Result<> {
        texts.push_back(TRY(text_of(element, path, code_)));
        return {};
    }));
    if (!texts.empty()) out = std::move(texts);
    return {};
}

Result<> ObjectReader::read(std::string_view name, std::map<std::string, std::string>& out) {
    const Json* value = find(name);
    if (value == nullptr) return {};
    if (!value->is_object()) return bad(name, "is not an object");
    for (const auto& [key, element] : value->get_ref<const Json::object_t&>()) {
        if (key.find('\0') != std::string::npos) return bad(name, "has a key with a NUL character");
        out[key] = TRY(text_of(element, path_of(name) + "." + key, code_));
    }
    return {};
}

Result<> ObjectReader::read_set(std::string_view name, std::vector<std::string>& out) {
    const Json* value = find(name);
    if (value == nullptr) return {};
    if (!value->is_object()) return bad(name, "is not an object");
    for (const auto& [key, element] : value->get_ref<const Json::object_t&>()) {
        if (key.find('\0') != std::string::npos) return bad(name, "has a key with a NUL character");
        out.push_back(key);
    }
    return {};
}

Result<ObjectReader::Integer> ObjectReader::integer(const Json& value,
                                                    std::string_view name) const {
    if (value.is_number_unsigned()) return Integer{value.get<std::uint64_t>(), false};
    if (!value.is_number_integer()) return bad(name, "is not a whole number");
    auto number = value.get<std::int64_t>();
    return Integer{static_cast<std::uint64_t>(number), number < 0};
}

Result<> ObjectReader::refuse_unsupported(std::initializer_list<std::string_view> names) {
    for (std::string_view name : names) {
        const Json* value = find(name);
        if (value != nullptr && !is_nothing(*value))
            return fail(Code::unsupported, "'" + path_of(name) + "' is not supported");
    }
    return {};
}

Result<> ObjectReader::refuse_unknown() const {
    for (const auto& [key, value] : value_->get_ref<const Json::object_t&>()) {
        if (std::ranges::find(known_, key) != known_.end()) continue;
        if (ignored_ != nullptr) {
            ignored_->push_back(path_of(key));
            continue;
        }
        auto error = bad(key, "is not a known field").error();
        if (auto near = did_you_mean(key, known_))
            return fail(std::move(error).with_hint("did you mean '" + path_of(*near) + "'?"));
        return fail(std::move(error));
    }
    return {};
}

}  // namespace crank::oci
