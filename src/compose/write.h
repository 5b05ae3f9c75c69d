// A project as docker compose config prints it.
#pragma once

#include <string>

#include "compose/load.h"

namespace crank::compose {

// In JSON Docker leaves out x-* but those of the project itself, and writes the fields of devices'
// limits with capitals.
enum class Format : std::uint8_t { yaml, json };

// The model without what is empty or says the default, fields in the order of their names.
Node printable(const Project& project, Format format);

// "$" written as "$$": the text is a compose file of the same meaning.
enum class Dollars : std::uint8_t { doubled, kept };

std::string to_json(const Node& node, Dollars dollars);
std::string to_yaml(const Node& node, Dollars dollars);

}  // namespace crank::compose
