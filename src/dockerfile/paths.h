// Paths inside an image, as text: '/'-separated, nothing is looked up.
#pragma once

#include <string>
#include <string_view>

namespace crank::dockerfile {

// Absolute, "." and ".." resolved on the text (".." stops at "/"), no doubled or trailing '/'.
// `path` is taken as relative to the absolute `base` unless it begins with '/'.
std::string resolve_path(std::string_view base, std::string_view path);

// As resolve_path, and ends in '/' where `path` names a directory: it is empty, "." or "..", or
// ends in '/', "/." or "/..".
std::string resolve_destination(std::string_view base, std::string_view path);

// "a//b/./c/../d/" -> "a/b/d"; a relative path may begin with ".."; "." for an empty result.
std::string clean_path(std::string_view path);

}  // namespace crank::dockerfile
