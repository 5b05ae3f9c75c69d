// The host's side of a bridge network, spoken to over netlink.
#pragma once

#include "base/error.h"
#include "sys/nftables.h"
#include "sys/rtnetlink.h"

namespace crank::network {

// The sockets of one operation, in the namespace of the caller.
struct Host {
    sys::RouteSocket route;
    sys::NftSocket nft;
    static Result<Host> open();
};

}  // namespace crank::network
