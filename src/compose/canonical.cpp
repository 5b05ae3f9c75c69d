#include "compose/canonical.h"

#include <algorithm>

#include "base/text.h"
#include "compose/values.h"

namespace crank::compose {
namespace {

// A range of ports is one text and 4000 entries.
constexpr std::size_t kMaxExpanded = 20'000;

bool is_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

class Canonical {
public:
    Canonical(Variables variables, Diagnostics& diagnostics)
        : variables_(variables), diagnostics_(diagnostics) {}

    Result<void> object(Node& node, const ObjectSpec& spec, const std::string& path) {
        if (node.is_null()) node = Node::map(node.at);
        if (!node.is_map())
            return diagnostics_.error(
                node.at, path, "must be a mapping, not " + std::string(kind_name(node.kind)));
        for (Field& entry : node.fields) {
            if (entry.key.starts_with("x-")) {
                if (entry.key == "x-crank" && &spec == &service_schema())
                    TRY(worker(entry.value, path + ".x-crank"));
                continue;
            }
            const FieldSpec* field = find_field(spec, entry.key);
            std::string inner = path.empty() ? entry.key : path + "." + entry.key;
            if (field == nullptr) return unknown(entry, spec, inner);
            if (field->support == Support::warned && entry.value.tag != Tag::reset)
                diagnostics_.warn(entry.at, inner,
                                  "crank reads this field and does nothing with it yet");
            if (entry.value.is_null() && entry.value.tag == Tag::none && !field->nullable)
                return diagnostics_.error(entry.at, inner, "has no value",
                                          "leave the field out, or write its value");
            TRY(this->field(entry.value, *field, inner));
        }
        return {};
    }

private:
    std::unexpected<Error> unknown(const Field& entry, const ObjectSpec& spec,
                                   const std::string& path) {
        std::vector<std::string_view> names = field_names(spec);
        auto near = did_you_mean(entry.key, names);
        return diagnostics_.error(entry.at, path,
                                  "unknown field" + (near ? "; did you mean " + *near + "?" : ""),
                                  near ? "" : "fields of one's own begin with x-");
    }
    Result<void> worker(Node& node, const std::string& path) {
        if (node.tag == Tag::reset) return {};
        Tag tag = node.tag;
        TRY(object(node, worker_schema(), path));
        node.tag = tag;
        return {};
    }
    // A variable where another type is wanted: nobody knows yet.
    bool is_open(const Node& node) const {
        return variables_ == Variables::kept && node.is_text() &&
               node.text.find('$') != std::string::npos;
    }

    Result<void> field(Node& node, const FieldSpec& field, const std::string& path) {
        if (node.tag == Tag::reset) return {};
        Tag tag = node.tag;
        TRY(value(node, field, path));
        node.tag = tag;
        return {};
    }

    Result<void> value(Node& node, const FieldSpec& field, const std::string& path) {
        switch (field.shape) {
            case Shape::any: return {};
            case Shape::object:
                if (node.is_null()) return {};
                if (node.is_text() && !field.of->short_field.empty() && !is_open(node))
                    make_long(node, *field.of);
                else if (is_open(node))
                    return {};
                return object(node, *field.of, path);
            case Shape::objects: return objects(node, field, path);
            case Shape::named: return named(node, *field.of, path);
            case Shape::number_or: return numbers(node, field, path);
            case Shape::flag_or:
                if (node.is_map()) return object(node, *field.of, path);
                break;
            default: break;
        }
        if (node.is_null() && field.shape != Shape::command) return {};
        if (is_open(node)) return {};
        node = TRY(convert_value(field, node, path, diagnostics_));
        return {};
    }

    static void make_long(Node& node, const ObjectSpec& spec) {
        Node map = Node::map(node.at);
        map.set(spec.short_field, std::move(node));
        node = std::move(map);
    }

    // One entry of a list, which may stand for several.
    Result<void> entry(Node& item, const ObjectSpec& spec, const std::string& path,
                       std::vector<Node>& out) {
        std::vector<Node> made;
        if (item.is_scalar() && !item.is_null() && spec.expand != nullptr && !is_open(item)) {
            made = TRY(spec.expand(item, path, diagnostics_));
            expanded_ += made.size();
            if (expanded_ > kMaxExpanded)
                return diagnostics_.error(item.at, path,
                                          "the short forms of this file stand for more than " +
                                              std::to_string(kMaxExpanded) + " entries");
        } else {
            if (item.is_scalar() && is_open(item) && spec.short_field.empty()) {
                out.push_back(std::move(item));
                return {};
            }
            if (item.is_null()) return diagnostics_.error(item.at, path, "has no value");
            if (item.is_text() && !spec.short_field.empty()) make_long(item, spec);
            made.push_back(std::move(item));
        }
        for (Node& one : made) {
            TRY(object(one, spec, path));
            out.push_back(std::move(one));
        }
        return {};
    }

    Result<void> objects(Node& node, const FieldSpec& field, const std::string& path) {
        if (node.is_null()) return {};
        std::vector<Node> out;
        // One alone: env_file: a, gpus: all.
        bool alone = node.is_text() && (field.name == "env_file" || field.name == "gpus");
        if (!alone && !node.is_list())
            return diagnostics_.error(node.at, path,
                                      "must be a list, not " + std::string(kind_name(node.kind)));
        if (alone) TRY(entry(node, *field.of, path, out));
        for (std::size_t i = 0; i < node.items.size(); i++)
            if (node.items[i].tag != Tag::reset)
                TRY(entry(node.items[i], *field.of, path + "[" + std::to_string(i) + "]", out));
        Position at = node.at;
        node = Node::list(at);
        node.items = std::move(out);
        return {};
    }

    Result<void> named(Node& node, const ObjectSpec& spec, const std::string& path) {
        if (node.is_null()) return {};
        bool names = node.is_list() && spec.names_as_list;
        if (names) TRY(name_list(node, path));
        if (!node.is_map())
            return diagnostics_.error(
                node.at, path, "must be a mapping, not " + std::string(kind_name(node.kind)));
        for (Field& entry : node.fields) {
            if (entry.value.tag == Tag::reset) continue;
            // At the top x-* are names like others.
            if (!is_name(entry.key))
                return diagnostics_.error(
                    entry.at, path,
                    "'" + entry.key + "' is no name: letters, digits, '.', '_' and '-'");
            if (entry.value.is_null() && spec.has_content && !names)
                return diagnostics_.error(entry.at, path + "." + entry.key, "has no value");
            if (entry.value.is_null()) continue;
            Tag tag = entry.value.tag;
            TRY(object(entry.value, spec, path + "." + entry.key));
            entry.value.tag = tag;
        }
        return {};
    }
    Result<void> name_list(Node& node, const std::string& path) {
        Node map = Node::map(node.at);
        map.tag = node.tag;
        for (Node& item : node.items) {
            if (!item.is_text())
                return diagnostics_.error(
                    item.at, path,
                    "must be a list of names, not of " + std::string(kind_name(item.kind)) + "s");
            Node null;
            null.at = item.at;
            map.set(item.text, std::move(null));
        }
        node = std::move(map);
        return {};
    }

    // Ulimits: a number or soft and hard ones for each name.
    Result<void> numbers(Node& node, const FieldSpec& field, const std::string& path) {
        if (node.is_null()) return {};
        if (!node.is_map())
            return diagnostics_.error(
                node.at, path, "must be a mapping, not " + std::string(kind_name(node.kind)));
        for (Field& entry : node.fields) {
            std::string inner = path + "." + entry.key;
            if (entry.value.tag == Tag::reset || is_open(entry.value)) continue;
            if (entry.value.is_map())
                TRY(object(entry.value, *field.of, inner));
            else
                entry.value = TRY(convert_value(field, entry.value, inner, diagnostics_));
        }
        return {};
    }

    Variables variables_;
    Diagnostics& diagnostics_;
    std::size_t expanded_ = 0;
};

Result<void> required_in(const Node& node, const ObjectSpec& spec, const std::string& path,
                         const Diagnostics& diagnostics) {
    if (!node.is_map()) return {};
    for (std::span<const FieldSpec> part : {spec.fields, spec.more, spec.most})
        for (const FieldSpec& field : part) {
            const Node* value = node.find(field.name);
            if (value == nullptr && field.required)
                return diagnostics.error(
                    node.at, path,
                    std::string(spec.what) + " wants the field " + std::string(field.name));
            if (value == nullptr || field.of == nullptr) continue;
            std::string inner =
                path.empty() ? std::string(field.name) : path + "." + std::string(field.name);
            bool names = field.shape == Shape::named || field.shape == Shape::number_or;
            if (!names) TRY(required_in(*value, *field.of, inner, diagnostics));
            for (std::size_t i = 0; i < value->items.size(); i++)
                TRY(required_in(value->items[i], *field.of, inner + "[" + std::to_string(i) + "]",
                                diagnostics));
            if (!names) continue;
            for (const Field& entry : value->fields)
                TRY(required_in(entry.value, *field.of, inner + "." + entry.key, diagnostics));
        }
    if (const Node* worker = node.find("x-crank"); worker != nullptr && &spec == &service_schema())
        return required_in(*worker, worker_schema(), path + ".x-crank", diagnostics);
    return {};
}

// Docker's earlier names, which files still have.
void promote(Node& service, std::string_view from, std::string_view to) {
    Node* old = service.find(from);
    if (old == nullptr) return;
    Node moved = std::move(*old);
    service.erase(from);
    const Node* known = service.find(to);
    if ((known == nullptr || known->is_null()) && !moved.is_null()) service.set(to, moved);
}

void promote_early_names(Node& service) {
    promote(service, "x-develop", "develop");
    Node* develop = service.find("develop");
    Node* watches = develop == nullptr ? nullptr : develop->find("watch");
    if (watches == nullptr) return;
    for (Node& watch : watches->items) promote(watch, "x-initialSync", "initial_sync");
}

}  // namespace

Result<void> canonicalise(Node& document, Variables variables, Diagnostics& diagnostics) {
    if (!document.is_map() && !document.is_null())
        return diagnostics.error(
            document.at, "",
            "must be a mapping at the top, not " + std::string(kind_name(document.kind)));
    if (Node* services = document.find("services"))
        for (Field& service : services->fields) promote_early_names(service.value);
    TRY(Canonical(variables, diagnostics).object(document, project_schema(), ""));
    if (const Node* version = document.find("version"))
        diagnostics.warn(version->at, "", "the field version is obsolete and means nothing");
    document.erase("version");
    return {};
}

Result<void> check_required(const Node& model, const Diagnostics& diagnostics) {
    return required_in(model, project_schema(), "", diagnostics);
}

}  // namespace crank::compose
