// `crank-net probe`: TLS over a connection that crank has made to a worker (descriptor 3).
//
// Standard input is what is asked over it, standard output the first bytes of the answer; without a
// question the handshake is all. Standard error has one line: what was agreed on, or what is wrong.
// Whose certificate it is nobody asks here, since that is the operator's own; that it is valid now
// is.
#pragma once

#include "base/error.h"

namespace crank::net {

Result<> serve_probe();

}  // namespace crank::net
