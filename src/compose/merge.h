// One normalised document over another, by the specification's rules.
#pragma once

#include "compose/diagnostics.h"
#include "compose/node.h"
#include "compose/schema.h"

namespace crank::compose {

// Mappings merge, scalars and commands are replaced, lists grow; entries of ports, volumes,
// secrets and their like replace those with the same key. !reset takes a value away, !override
// replaces it. Errors: a list over a mapping.
Result<void> merge_project(Node& base, Node over, const Diagnostics& diagnostics);
Result<void> merge_object(Node& base, Node over, const ObjectSpec& spec,
                          const Diagnostics& diagnostics);

// What !reset and !override leave in a document that is merged over nothing.
void settle_tags(Node& node);
// Of entries with the same key in a document's lists the last one counts.
void drop_doubles(Node& node, const ObjectSpec& spec);

}  // namespace crank::compose
