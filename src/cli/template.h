// The subset of Go's templates that Docker's --format takes, over JSON.
//
//   {{.Name}} {{.State.Status}} {{json .Mounts}} {{index .Config.Labels "a.b"}} {{index .Args 0}}
//   {{join .Args " "}} {{upper .Name}} {{lower .Name}} {{len .Mounts}} {{println .Name}}
//   {{range .Mounts}}{{.Source}}{{end}} {{range $k, $v := .Config.Labels}}{{$k}}={{$v}}{{end}}
//   {{if .Config.Tty}}tty{{else}}none{{end}} {{if eq .State.Status "running"}} ... {{.}} {{"text"}}
//
// A field that is not there is an error naming it, as in Docker.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::cli {

// Errors: usage, naming the place in the template.
Result<std::string> expand_template(std::string_view text, const nlohmann::ordered_json& value);

// \t and \n as people type them in a shell's single quotes.
std::string unescape_format(std::string_view text);

}  // namespace crank::cli
