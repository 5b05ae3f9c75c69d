#include "engine/local/layer_view.h"

#include <deque>
#include <optional>
#include <vector>

#include "base/text.h"
#include "sys/entry.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's path walk (path_resolution(7))
constexpr std::size_t kMaxPath = 4096;

// A directory of the view: the same directory in each layer that has it, top first.
using Merged = std::vector<sys::UniqueFd>;

struct Found {
    Merged directory;     // not empty: a merged directory
    sys::UniqueFd other;  // else a file, a link, ... of the topmost layer that has one
    sys::FileInfo other_info;
    bool exists() const { return !directory.empty() || other; }
};

bool is_whiteout(const sys::FileInfo& info) {
    return S_ISCHR(info.mode) && info.rdev_major == 0 && info.rdev_minor == 0;
}

Result<bool> is_opaque(int directory) {
    for (const char* attribute : {"trusted.overlay.opaque", "user.overlay.opaque"})
        if (TRY(sys::extended_attribute(directory, attribute)) == "y") return true;
    return false;
}

Result<Found> look_up(const Merged& parent, const std::string& name) {
    Found found;
    for (const sys::UniqueFd& layer : parent) {
        std::optional<sys::UniqueFd> entry = TRY(sys::open_entry(layer.get(), name));
        if (!entry) continue;
        sys::FileInfo info = TRY(sys::stat_fd(entry->get(), name));
        if (is_whiteout(info)) break;
        if (!info.is_dir()) {
            // Below a directory of an upper layer a file of a lower one is hidden.
            if (found.directory.empty()) {
                found.other = std::move(*entry);
                found.other_info = info;
            }
            break;
        }
        bool opaque = TRY(is_opaque(entry->get()));
        found.directory.push_back(std::move(*entry));
        if (opaque) break;
    }
    return found;
}

std::deque<std::string> components(std::string_view path) {
    std::deque<std::string> names;
    for (std::string& name : split(path, '/'))
        if (!name.empty() && name != ".") names.push_back(std::move(name));
    return names;
}

// Walks down from the root; `above` holds the directories passed, for "..".
class Walk {
public:
    explicit Walk(Merged root) { above_.push_back(std::move(root)); }

    Result<sys::UniqueFd> file(std::string_view path) {
        std::deque<std::string> left = components(path);
        int links = 0;
        while (!left.empty()) {
            std::string name = std::move(left.front());
            left.pop_front();
            if (name == "..") {
                if (above_.size() > 1) above_.pop_back();
                continue;
            }
            Found found = TRY(look_up(above_.back(), name));
            if (!found.exists()) return fail(Code::not_found, "no file " + std::string(path));
            if (!found.directory.empty()) {
                above_.push_back(std::move(found.directory));
            } else if (found.other_info.is_symlink()) {
                if (++links > kMaxLinks)
                    return fail(Code::invalid_argument, "too many links in " + std::string(path));
                TRY(follow(found.other.get(), name, left));
            } else if (left.empty()) {
                return std::move(found.other);
            } else {
                return fail(Code::not_found, "no file " + std::string(path));
            }
        }
        return fail(Code::invalid_argument, std::string(path) + " is a directory");
    }

private:
    Result<> follow(int link, const std::string& name, std::deque<std::string>& left) {
        std::string target = TRY(sys::link_target(link, name));
        if (target.size() > kMaxPath || left.size() > kMaxPath)
            return fail(Code::invalid_argument, "link " + name + " is too long");
        if (target.starts_with('/')) above_.resize(1);
        std::deque<std::string> names = components(target);
        left.insert(left.begin(), names.begin(), names.end());
        return {};
    }

    std::vector<Merged> above_;
};

Result<Merged> open_root(const store::LayerStack& layers) {
    Merged root;
    for (const std::string& layer : layers.lower) {
        std::string dir = layer.starts_with('/') ? layer : layers.base + "/" + layer;
        root.push_back(TRY(sys::open_dir(dir)));
    }
    return root;
}

}  // namespace

Result<std::optional<sys::FileInfo>> look_in_layers(const store::LayerStack& layers,
                                                    const std::vector<std::string>& names) {
    Merged at = TRY(open_root(layers));
    std::optional<sys::FileInfo> info;
    for (const std::string& name : names) {
        if (info && !info->is_dir()) return std::nullopt;
        Found found = TRY(look_up(at, name));
        if (!found.exists()) return std::nullopt;
        info = found.directory.empty() ? found.other_info
                                       : TRY(sys::stat_fd(found.directory.front().get(), name));
        at = std::move(found.directory);
    }
    return info;
}

Result<std::string> read_in_layers(const store::LayerStack& layers, std::string_view path,
                                   std::size_t limit) {
    Merged root = TRY(open_root(layers));
    std::string name(path);
    sys::UniqueFd entry = TRY(Walk(std::move(root)).file(path));
    sys::UniqueFd file = TRY(sys::reopen_for_reading(entry.get(), name));
    return sys::read_all(file.get(), limit, name);
}

}  // namespace crank::engine::local
