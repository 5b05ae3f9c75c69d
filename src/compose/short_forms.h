// The short forms of ports, volumes, devices, GPUs and commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compose/diagnostics.h"
#include "compose/node.h"

namespace crank::compose {

// "[[IP:]HOST:]PORT[/PROTOCOL]", each port a range: a mapping for each.
Result<std::vector<Node>> expand_port(const Node& scalar, std::string_view path,
                                      const Diagnostics& diagnostics);
// "[SOURCE:]TARGET[:OPTIONS]".
Result<std::vector<Node>> expand_mount(const Node& scalar, std::string_view path,
                                       const Diagnostics& diagnostics);
// "HOST[:TARGET[:PERMISSIONS]]".
Result<std::vector<Node>> expand_device(const Node& scalar, std::string_view path,
                                        const Diagnostics& diagnostics);
// "all".
Result<std::vector<Node>> expand_gpus(const Node& scalar, std::string_view path,
                                      const Diagnostics& diagnostics);

struct ShellWords {
    std::vector<std::string> words;
    std::string_view rest;  // of the text, from what only a shell understands: "&& b", "> file"
};
// Words as Docker splits a command: quotes and backslashes taken off, no variables, no globs.
// Errors: a quote that does not end, parentheses of a shell.
Result<ShellWords> shell_words(std::string_view text);

// Of a path, without looking at files: "/a//b/../c/" is "/a/c".
std::string clean_path(std::string_view path);
// `path` within `directory`, cleaned, unless it is absolute.
std::string join_path(std::string_view directory, std::string_view path);

}  // namespace crank::compose
