// A document checked against the specification, its short forms made long ones.
#pragma once

#include "compose/diagnostics.h"
#include "compose/node.h"
#include "compose/schema.h"

namespace crank::compose {

// Texts with a '$' in them, which are variables yet.
enum class Variables : std::uint8_t { replaced, kept };

// Errors (with file:line:column and the path in the document): unknown fields with the nearest
// name, values of another type, missing and unknown ones. Warns of fields that crank reads and
// does nothing with. Keys x-* may hold anything. What is tagged !reset is not looked into.
Result<void> canonicalise(Node& document, Variables variables, Diagnostics& diagnostics);

// Once all files are merged: fields that an object must have. Errors name the place.
Result<void> check_required(const Node& model, const Diagnostics& diagnostics);

}  // namespace crank::compose
