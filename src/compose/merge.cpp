#include "compose/merge.h"

#include <algorithm>
#include <map>

namespace crank::compose {
namespace {

std::string port_key(const Node& entry) {
    std::string address = entry.text_of("host_ip"), protocol = entry.text_of("protocol");
    return (address.empty() ? "0.0.0.0" : address) + ":" + entry.text_of("published") + ":" +
           entry.text_of("target") + "/" + (protocol.empty() ? "tcp" : protocol);
}

// Empty: equal to nothing but its equal.
std::string key_of(const Node& entry, Key key) {
    if (entry.is_scalar()) {
        std::string text = scalar_text(entry);
        return key == Key::name ? text.substr(0, text.find('=')) : text;
    }
    switch (key) {
        case Key::target: return entry.text_of("target");
        case Key::file: {
            std::string target = entry.text_of("target");
            return target.empty() ? "/run/secrets/" + entry.text_of("source") : target;
        }
        case Key::path: return entry.text_of("path");
        case Key::subnet: return entry.text_of("subnet");
        case Key::port: return port_key(entry);
        case Key::whole:
        case Key::name: break;
    }
    return "";
}

// What is the same whatever the order of its fields.
std::string fingerprint(const Node& node) {
    std::string text = std::to_string(static_cast<int>(node.kind)) + scalar_text(node);
    std::vector<std::string> parts;
    for (const Node& item : node.items) parts.push_back(fingerprint(item));
    for (const Field& field : node.fields)
        parts.push_back(field.key + "=" + fingerprint(field.value));
    if (node.is_map()) std::ranges::sort(parts);
    for (const std::string& part : parts) text += "(" + std::to_string(part.size()) + part + ")";
    return text;
}

void add_entries(std::vector<Node>& items, std::vector<Node> more, Key key) {
    std::map<std::string, std::size_t> places;
    auto identity = [key](const Node& entry) {
        std::string name = key_of(entry, key);
        return name.empty() ? "=" + fingerprint(entry) : "#" + name;
    };
    for (std::size_t i = 0; i < items.size(); i++) places.emplace(identity(items[i]), i);
    for (Node& entry : more) {
        auto [place, is_new] = places.emplace(identity(entry), items.size());
        if (is_new)
            items.push_back(std::move(entry));
        else
            items[place->second] = std::move(entry);
    }
}

bool holds_objects(const FieldSpec* field) { return field != nullptr && field->of != nullptr; }

class Merge {
public:
    explicit Merge(const Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    Result<void> fields(Node& base, Node over, const ObjectSpec* spec) {
        for (Field& entry : over.fields) {
            const FieldSpec* field = spec == nullptr ? nullptr : find_field(*spec, entry.key);
            TRY(one(base, std::move(entry), field));
        }
        return {};
    }

private:
    Result<void> one(Node& base, Field entry, const FieldSpec* field) {
        if (entry.value.tag == Tag::reset) {
            base.erase(entry.key);
            return {};
        }
        Node* known = base.find(entry.key);
        bool replaces = entry.value.tag == Tag::replace || (field != nullptr && field->replaces);
        if (known == nullptr && base.fields.size() >= kMaxEntries)
            return diagnostics_.error(
                entry.at, entry.key,
                "more than " + std::to_string(kMaxEntries) + " fields when the files are merged");
        if (known == nullptr || replaces) {
            settle_tags(entry.value);
            base.set(entry.key, std::move(entry.value));
            return {};
        }
        if (entry.value.is_null()) return {};
        return values(*known, std::move(entry), field);
    }

    Result<void> values(Node& known, Field entry, const FieldSpec* field) {
        Node& value = entry.value;
        bool scalars = known.is_scalar() || (value.is_scalar() && is_number_or(field));
        if (scalars || is_number_or_map(known, value, field)) {
            settle_tags(value);
            known = std::move(value);
            return {};
        }
        if (known.kind != value.kind)
            return diagnostics_.error(value.at, entry.key,
                                      "cannot be merged over " +
                                          std::string(kind_name(known.kind)) + " of " +
                                          diagnostics_.place(known.at));
        if (known.is_list()) {
            if (known.items.size() + value.items.size() > kMaxEntries)
                return diagnostics_.error(value.at, entry.key,
                                          "more than " + std::to_string(kMaxEntries) +
                                              " entries when the files are merged");
            add_entries(known.items, std::move(value.items),
                        field == nullptr ? Key::whole : field->key);
            return {};
        }
        return maps(known, std::move(value), field);
    }
    static bool is_number_or(const FieldSpec* field) {
        return field != nullptr && field->shape == Shape::flag_or;
    }
    // A ulimit that is a number in one file and a pair in the other.
    static bool is_number_or_map(const Node& known, const Node& value, const FieldSpec* field) {
        return field == nullptr && known.is_scalar() != value.is_scalar();
    }

    Result<void> maps(Node& known, Node value, const FieldSpec* field) {
        // Another driver's options mean nothing to this one.
        if (field != nullptr && field->name == "logging") {
            std::string had = known.text_of("driver"), wants = value.text_of("driver");
            if (!had.empty() && !wants.empty() && had != wants) {
                known = std::move(value);
                return {};
            }
        }
        if (!holds_objects(field)) return fields(known, std::move(value), nullptr);
        if (field->shape != Shape::named) {
            // The names of ulimits are no fields.
            bool names = field->shape == Shape::number_or;
            return fields(known, std::move(value), names ? nullptr : field->of);
        }
        for (Field& entry : value.fields) {
            Node* same = known.find(entry.key);
            bool both = same != nullptr && same->is_map() && entry.value.is_map() &&
                        entry.value.tag == Tag::none;
            if (both)
                TRY(fields(*same, std::move(entry.value), field->of));
            else
                TRY(one(known, std::move(entry), nullptr));
        }
        return {};
    }

    const Diagnostics& diagnostics_;
};

}  // namespace

Result<void> merge_object(Node& base, Node over, const ObjectSpec& spec,
                          const Diagnostics& diagnostics) {
    return Merge(diagnostics).fields(base, std::move(over), &spec);
}

Result<void> merge_project(Node& base, Node over, const Diagnostics& diagnostics) {
    if (base.is_null()) base = Node::map(over.at);
    return merge_object(base, std::move(over), project_schema(), diagnostics);
}

void settle_tags(Node& node) {
    node.tag = Tag::none;
    std::erase_if(node.fields, [](const Field& field) { return field.value.tag == Tag::reset; });
    std::erase_if(node.items, [](const Node& item) { return item.tag == Tag::reset; });
    for (Field& field : node.fields) settle_tags(field.value);
    for (Node& item : node.items) settle_tags(item);
}

void drop_doubles(Node& node, const ObjectSpec& spec) {
    for (Field& entry : node.fields) {
        const FieldSpec* field = find_field(spec, entry.key);
        if (field == nullptr) continue;
        if (entry.value.is_list() && field->key != Key::whole) {
            std::vector<Node> items;
            add_entries(items, std::move(entry.value.items), field->key);
            entry.value.items = std::move(items);
        }
        if (field->of == nullptr || !entry.value.is_map()) continue;
        if (field->shape != Shape::named)
            drop_doubles(entry.value, *field->of);
        else
            for (Field& inner : entry.value.fields) drop_doubles(inner.value, *field->of);
    }
}

}  // namespace crank::compose
