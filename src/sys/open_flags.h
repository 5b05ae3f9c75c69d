// The flags of open(2) that other rooms use, by name, so that they need no system header.
#pragma once

namespace crank::sys {

extern const int kReadOnly, kReadWrite, kWriteOnly, kCreate, kExclusive, kAppend, kDirectory, kPath,
    kNoFollow, kNonBlock, kTruncate;

}  // namespace crank::sys
