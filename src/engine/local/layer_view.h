// The merged view of an image's layers without mounting them: what an overlay mount would show.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/store.h"
#include "sys/file.h"

namespace crank::engine::local {

// Reads the regular file at `path` (absolute, as a process in the image would name it): the upper
// layers hide the lower ones, whiteouts and opaque directories count, symbolic links are followed
// inside the view. The layers are hostile: nothing outside them is ever opened. Errors: not_found,
// exhausted (over `limit` bytes), invalid_argument (too many links, no regular file).
Result<std::string> read_in_layers(const store::LayerStack& layers, std::string_view path,
                                   std::size_t limit);

// What stands at the path of these names, no link being followed; a directory is its topmost one.
// Nothing: it is not there.
Result<std::optional<sys::FileInfo>> look_in_layers(const store::LayerStack& layers,
                                                    const std::vector<std::string>& names);

}  // namespace crank::engine::local
