#include "dockerfile/paths.h"

#include <algorithm>
#include <vector>

namespace crank::dockerfile {

std::string clean_path(std::string_view path) {
    bool absolute = path.starts_with('/');
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        std::size_t end = std::min(path.find('/', begin), path.size());
        std::string_view part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".") continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (!absolute)
            parts.push_back(part);
    }
    std::string out;
    for (std::string_view part : parts) {
        if (absolute || !out.empty()) out += '/';
        out += part;
    }
    if (out.empty()) return absolute ? "/" : ".";
    return out;
}

std::string resolve_path(std::string_view base, std::string_view path) {
    if (path.starts_with('/')) return clean_path(path);
    return clean_path("/" + std::string(base) + "/" + std::string(path));
}

std::string resolve_destination(std::string_view base, std::string_view path) {
    std::string out = resolve_path(base, path);
    std::size_t slash = path.rfind('/');
    std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
    bool directory = last.empty() || last == "." || last == "..";
    if (directory && out.back() != '/') out += '/';
    return out;
}

}  // namespace crank::dockerfile
