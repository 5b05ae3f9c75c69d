#include "compose/short_forms.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "compose/address.h"

namespace crank::compose {
namespace {

constexpr std::size_t kMaxPortsOfARange = 4096;

struct Range {
    int first = 0, last = 0;
    int size() const { return last - first; }
};

std::optional<Range> range_of(std::string_view text) {
    std::size_t dash = text.find('-');
    auto first = parse_int(text.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : parse_int(text.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > 65535) return std::nullopt;
    return Range{static_cast<int>(*first), static_cast<int>(*last)};
}

struct PortParts {
    std::string address, published, target, protocol = "tcp";
};

PortParts split_port(std::string text) {
    PortParts parts;
    std::size_t slash = text.rfind('/');
    if (slash != std::string::npos) {
        if (slash + 1 < text.size()) parts.protocol = to_lower(text.substr(slash + 1));
        text.resize(slash);
    }
    std::size_t last = text.rfind(':');
    parts.target = last == std::string::npos ? text : text.substr(last + 1);
    if (last == std::string::npos) return parts;
    text.resize(last);
    std::size_t before = text.ends_with(']') ? std::string::npos : text.rfind(':');
    parts.published = before == std::string::npos ? text : text.substr(before + 1);
    if (before != std::string::npos) parts.address = text.substr(0, before);
    if (parts.address.starts_with('[') && parts.address.ends_with(']'))
        parts.address = parts.address.substr(1, parts.address.size() - 2);
    return parts;
}

Node port_node(const PortParts& parts, int target, std::string published, Position at) {
    Node node = Node::map(at);
    node.set("mode", Node::of_text("ingress", at));
    if (!parts.address.empty()) node.set("host_ip", Node::of_text(parts.address, at));
    node.set("target", Node::of_number(target, at));
    if (!published.empty()) node.set("published", Node::of_text(std::move(published), at));
    node.set("protocol", Node::of_text(parts.protocol, at));
    return node;
}

// The published port of the `index`th target.
std::string published_port(const std::optional<Range>& published, int targets, int index) {
    if (!published) return "";
    std::string text = std::to_string(published->first + index);
    // One port and a range to choose from.
    if (targets == 0 && published->size() != 0) text += "-" + std::to_string(published->last);
    return text;
}

}  // namespace

Result<std::vector<Node>> expand_port(const Node& scalar, std::string_view path,
                                      const Diagnostics& diagnostics) {
    std::string text = scalar_text(scalar);
    auto wrong = [&](const std::string& why) {
        return diagnostics.error(scalar.at, path, "'" + text + "' " + why);
    };
    PortParts parts = split_port(text);
    if (!parts.address.empty() && !is_ip_address(parts.address))
        return wrong("has the invalid address '" + parts.address + "'");
    auto targets = range_of(parts.target);
    if (!targets)
        return wrong("is no port: wants [[IP:]HOST:]CONTAINER[/PROTOCOL], ports from 0 to 65535");
    std::optional<Range> published;
    if (!parts.published.empty()) {
        published = range_of(parts.published);
        if (!published) return wrong("has the invalid host port '" + parts.published + "'");
        if (targets->size() != published->size() && targets->size() != 0)
            return wrong("has ranges of different lengths");
    }
    if (parts.protocol != "tcp" && parts.protocol != "udp" && parts.protocol != "sctp")
        return wrong("has the unknown protocol '" + parts.protocol + "'");
    if (static_cast<std::size_t>(targets->size()) >= kMaxPortsOfARange)
        return wrong("has more than " + std::to_string(kMaxPortsOfARange) + " ports");
    std::vector<Node> nodes;
    for (int i = 0; i <= targets->size(); i++)
        nodes.push_back(port_node(parts, targets->first + i,
                                  published_port(published, targets->size(), i), scalar.at));
    // Docker's order: that of the texts.
    std::ranges::sort(nodes, {}, [](const Node& node) { return node.text_of("target"); });
    return nodes;
}

namespace {

bool is_file_path(std::string_view source) {
    return source.starts_with('.') || source.starts_with('/') || source.starts_with('~');
}

// Options that nobody knows are left out, as Docker does.
void set_mount_options(Node& node, std::string_view options, Node& bind, Node& volume) {
    for (const std::string& option : split(options, ',')) {
        bool propagation = option == "rprivate" || option == "private" || option == "rshared" ||
                           option == "shared" || option == "rslave" || option == "slave";
        if (option == "ro" || option == "rw") {
            node.set("read_only", Node::of_flag(option == "ro", node.at));
        } else if (option == "nocopy") {
            volume.set("nocopy", Node::of_flag(true, node.at));
        } else if (propagation) {
            bind.set("propagation", Node::of_text(option, node.at));
        } else if (option == "z" || option == "Z") {
            bind.set("selinux", Node::of_text(option, node.at));
        }
    }
}

}  // namespace

Result<std::vector<Node>> expand_mount(const Node& scalar, std::string_view path,
                                       const Diagnostics& diagnostics) {
    if (!scalar.is_text()) return diagnostics.error(scalar.at, path, "must be a string");
    const std::string& text = scalar.text;
    std::vector<std::string> parts = split(text, ':');
    auto wrong = [&](std::string_view why) {
        return diagnostics.error(scalar.at, path, "'" + text + "' " + std::string(why));
    };
    if (parts.size() > 3) return wrong("has too many colons");
    for (const std::string& part : parts)
        if (part.empty()) return wrong("has an empty part: wants [SOURCE:]TARGET[:OPTIONS]");
    std::string source = parts.size() > 1 ? parts[0] : "";
    Node node = Node::map(scalar.at), bind = Node::map(scalar.at), volume = Node::map(scalar.at);
    bool is_bind = is_file_path(source);
    node.set("type", Node::of_text(is_bind ? "bind" : "volume", scalar.at));
    if (!source.empty()) node.set("source", Node::of_text(source, scalar.at));
    node.set("target",
             Node::of_text(clean_path(parts.size() > 1 ? parts[1] : parts[0]), scalar.at));
    if (parts.size() == 3) set_mount_options(node, parts[2], bind, volume);
    if (is_bind) bind.set("create_host_path", Node::of_flag(true, scalar.at));
    if (is_bind || !bind.fields.empty()) node.set("bind", std::move(bind));
    if (!is_bind || !volume.fields.empty()) node.set("volume", std::move(volume));
    return std::vector{std::move(node)};
}

Result<std::vector<Node>> expand_device(const Node& scalar, std::string_view path,
                                        const Diagnostics& diagnostics) {
    std::vector<std::string> parts = split(scalar.text, ':');
    if (!scalar.is_text() || parts.size() > 3 || parts[0].empty())
        return diagnostics.error(
            scalar.at, path,
            "'" + scalar_text(scalar) + "' is no device: wants HOST[:CONTAINER[:PERMISSIONS]]");
    std::string target = parts.size() > 1 && !parts[1].empty() ? parts[1] : parts[0];
    Node node = Node::map(scalar.at);
    node.set("source", Node::of_text(parts[0], scalar.at));
    node.set("target", Node::of_text(target, scalar.at));
    node.set("permissions", Node::of_text(parts.size() > 2 ? parts[2] : "rwm", scalar.at));
    return std::vector{std::move(node)};
}

Result<std::vector<Node>> expand_gpus(const Node& scalar, std::string_view path,
                                      const Diagnostics& diagnostics) {
    if (scalar_text(scalar) != "all")
        return diagnostics.error(scalar.at, path, "wants 'all' or a list of mappings");
    Node node = Node::map(scalar.at);
    node.set("count", Node::of_number(-1, scalar.at));
    return std::vector{std::move(node)};
}

std::string clean_path(std::string_view path) {
    bool absolute = path.starts_with('/');
    std::vector<std::string> kept;
    for (const std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            kept.push_back(part);
        } else if (!kept.empty() && kept.back() != "..") {
            kept.pop_back();
        } else if (!absolute) {
            kept.push_back(part);
        }
    }
    std::string cleaned = (absolute ? "/" : "") + join(kept, "/");
    return cleaned.empty() ? "." : cleaned;
}

std::string join_path(std::string_view directory, std::string_view path) {
    if (path.starts_with('/')) return std::string(path);
    return clean_path(std::string(directory) + "/" + std::string(path));
}

}  // namespace crank::compose
