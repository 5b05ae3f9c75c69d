// One function per instruction: its node -> its type. All errors are invalid_argument and leave the
// place to the caller.
#pragma once

#include "dockerfile/instructions.h"

namespace crank::dockerfile {

Result<Body> parse_add(const Node& node);
Result<Body> parse_arg(const Node& node);
Result<Body> parse_cmd(const Node& node);
Result<Body> parse_copy(const Node& node);
Result<Body> parse_entrypoint(const Node& node);
Result<Body> parse_env(const Node& node);
Result<Body> parse_expose(const Node& node);
Result<Body> parse_from(const Node& node);
Result<Body> parse_healthcheck(const Node& node);
Result<Body> parse_label(const Node& node);
Result<Body> parse_maintainer(const Node& node);
Result<Body> parse_onbuild(const Node& node);
Result<Body> parse_run(const Node& node);
Result<Body> parse_shell(const Node& node);
Result<Body> parse_stop_signal(const Node& node);
Result<Body> parse_user(const Node& node);
Result<Body> parse_volume(const Node& node);
Result<Body> parse_workdir(const Node& node);

}  // namespace crank::dockerfile
