#include <algorithm>

#include "compose/schema.h"
#include "compose/write.h"

namespace crank::compose {
namespace {

bool is_zero(const Node& node) {
    switch (node.kind) {
        case Kind::null: return true;
        case Kind::boolean: return !node.flag;
        case Kind::integer: return node.number == 0;
        case Kind::real: return node.fraction == 0;
        case Kind::text: return node.text.empty();
        case Kind::list: return node.items.empty();
        case Kind::map: return node.fields.empty();
    }
    return false;
}

void sort_fields(Node& node) { std::ranges::sort(node.fields, {}, &Field::key); }

class Printing {
public:
    explicit Printing(Format format) : format_(format) {}

    Node object(const Node& node, const ObjectSpec& spec, bool top) const {
        Node out = Node::map();
        for (const Field& entry : node.fields) {
            const FieldSpec* field = find_field(spec, entry.key);
            if (field == nullptr) {
                if (top || format_ == Format::yaml) out.set(entry.key, plain(entry.value));
                continue;
            }
            Node value = this->value(entry.value, *field);
            bool zero = is_zero(value) || (field->shape == Shape::bytes && value.text == "0");
            bool kept = field->keep != Keep::nonzero || !zero;
            if (field->keep == Keep::present && value.is_null()) kept = false;
            if (kept) out.set(entry.key, std::move(value));
        }
        for (std::span<const FieldSpec> part : {spec.fields, spec.more, spec.most})
            for (const FieldSpec& field : part)
                if (field.keep == Keep::always && out.find(field.name) == nullptr)
                    out.set(field.name, absent(field));
        if (spec.capitals && format_ == Format::json)
            for (Field& field : out.fields)
                field.key[0] = static_cast<char>(field.key[0] - 'a' + 'A');
        sort_fields(out);
        return out;
    }

private:
    Node absent(const FieldSpec& field) const {
        switch (field.shape) {
            case Shape::object: return object(Node::map(), *field.of, false);
            case Shape::text: return Node::of_text("");
            case Shape::integer: return Node::of_number(0);
            case Shape::bytes: return Node::of_text("0");
            default: return {};
        }
    }
    Node plain(const Node& node) const {
        Node out = node;
        for (Field& field : out.fields) field.value = plain(field.value);
        for (Node& item : out.items) item = plain(item);
        sort_fields(out);
        return out;
    }
    Node value(const Node& node, const FieldSpec& field) const {
        switch (field.shape) {
            case Shape::object: return node.is_map() ? object(node, *field.of, false) : node;
            case Shape::objects: {
                Node list = Node::list();
                for (const Node& item : node.items)
                    list.items.push_back(item.is_map() ? object(item, *field.of, false) : item);
                return list;
            }
            case Shape::named:
            case Shape::number_or: {
                Node map = Node::map();
                for (const Field& entry : node.fields)
                    map.set(entry.key, entry.value.is_map() ? object(entry.value, *field.of, false)
                                                            : entry.value);
                sort_fields(map);
                return map;
            }
            case Shape::hosts: return flat(node, "=");
            case Shape::ssh: return flat(node, "=");
            default: return plain(node);
        }
    }
    static Node flat(const Node& map, const std::string& sign) {
        if (!map.is_map()) return map;
        Node list = Node::list();
        for (const Field& entry : map.fields) {
            if (entry.value.is_scalar()) {
                std::string text = scalar_text(entry.value);
                list.items.push_back(
                    Node::of_text(text.empty() ? entry.key : entry.key + sign + text));
            }
            for (const Node& item : entry.value.items)
                list.items.push_back(Node::of_text(entry.key + sign + scalar_text(item)));
        }
        std::ranges::sort(list.items, {}, &Node::text);
        return list;
    }

    Format format_;
};

// What Docker prints otherwise than its own rule has it.
void adapt(Node& model) {
    for (std::string_view kind : {"services", "jobs"}) {
        Node* services = model.find(kind);
        if (services == nullptr) continue;
        for (Field& service : services->fields) {
            Node* mounts = service.value.find("volumes");
            if (mounts == nullptr) continue;
            for (Node& mount : mounts->items) {
                Node* bind = mount.find("bind");
                const Node* create = bind == nullptr ? nullptr : bind->find("create_host_path");
                if (create != nullptr && create->flag) bind->erase("create_host_path");
            }
        }
    }
}

}  // namespace

Node printable(const Project& project, Format format) {
    Node model = project.model;
    Node out = Printing(format).object(model, project_schema(), true);
    adapt(out);
    if (out.find("services") == nullptr) out.set("services", Node::map());
    if (format == Format::json) out.erase("models");
    sort_fields(out);
    return out;
}

}  // namespace crank::compose
