// The lowest layer of every container's root: empty directories and files where each container gets
// a mount and many an image has nothing. Without it every start would make them in the container's
// own layer, and its end remove them: a third of what a start writes to the disk.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/settings.h"
#include "store/store.h"

namespace crank::engine {

// What lies below a container's own layer: its image's layers, and this one at the bottom, unless
// it goes without one of the mounts (--no-hosts, --no-hostname). Relative to the store's root.
std::vector<std::string> layers_below(const store::LayerStack& image, const Settings& settings);

// Makes it where the store has none yet, in the directory of the container that needs it first,
// with which what a crash leaves of it is swept. Several may do so at once, of
// one container too.
Result<> make_bottom_layer(const Paths& paths, const std::string& id);

}  // namespace crank::engine
