// The volumes of a start: which there are, and that they exist.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/undo.h"
#include "engine/options.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "store/store.h"

namespace crank::engine::local {

// Adds what --volumes-from and the image's VOLUME say to options.binds, where nothing else is
// mounted. Errors: those of engine::find(); the container is no native worker.
Result<> add_volumes(const Paths& paths, const store::Image& image, RunOptions& options);

// For --explain: where they would be.
void imagine_volumes(const Paths& paths, RunOptions& options);

// Makes what is missing, fills what is empty with what the image has there, and names the sources.
// `undo` is given what takes anonymous ones off again. Errors: invalid_argument (the image has a
// file there), exhausted.
Result<> make_volumes(const Paths& paths, const store::Image& image, const std::string& container,
                      RunOptions& options, Undo& undo);

}  // namespace crank::engine::local
