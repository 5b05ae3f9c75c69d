// Paths below a layer's tree: components joined by single slashes. Internal to store.
#pragma once

#include <string>

namespace crank::store {

// Empty: the tree's root.
inline std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}
inline std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace crank::store
