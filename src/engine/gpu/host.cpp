#include "engine/gpu/host.h"

#include <algorithm>

#include "sys/file.h"

namespace crank::engine::gpu {
namespace {

constexpr std::size_t kMaxText = 1 << 16;
constexpr std::uint32_t kOthersMayUse = 06;

}  // namespace

Host::Host(std::string root, std::string architecture)
    : root_(std::move(root)), architecture_(std::move(architecture)) {
    while (root_.ends_with('/')) root_.pop_back();
}

bool Host::has(std::string_view path) const { return sys::stat(at(path)).has_value(); }

std::string Host::read(std::string_view path) const {
    return sys::read_file(at(path), kMaxText).value_or("");
}

std::vector<std::string> Host::list(std::string_view path) const {
    auto names = sys::list_dir(at(path));
    return names ? std::move(*names) : std::vector<std::string>();
}

std::optional<oci::cdi::NodeFacts> facts_of_node(const std::string& path) {
    auto info = sys::stat(path);
    if (!info || (!S_ISCHR(info->mode) && !S_ISBLK(info->mode))) return std::nullopt;
    return oci::cdi::NodeFacts{S_ISBLK(info->mode) ? "b" : "c", info->rdev_major, info->rdev_minor,
                               info->mode & 07777};
}

std::optional<oci::cdi::NodeFacts> Host::node_facts(std::string_view path) const {
    return facts_of_node(at(path));
}

std::optional<oci::cdi::DeviceNode> node_of(const Host& host, const std::string& path,
                                            std::vector<std::uint32_t>& gids) {
    auto facts = host.node_facts(path);
    auto info = sys::stat(host.at(path));
    if (!facts || !info) return std::nullopt;
    bool for_others = (info->mode & kOthersMayUse) == kOthersMayUse;
    if (!for_others && info->gid != 0 && std::ranges::find(gids, info->gid) == gids.end())
        gids.push_back(info->gid);
    return oci::cdi::DeviceNode{.path = path,
                                .host_path = host.root().empty() ? "" : host.at(path),
                                .type = facts->type,
                                .major = facts->major,
                                .minor = facts->minor,
                                .file_mode = facts->file_mode,
                                .uid = info->uid,
                                .gid = info->gid,
                                .permissions = "rw"};
}

}  // namespace crank::engine::gpu
