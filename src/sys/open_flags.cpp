#include "sys/open_flags.h"

#include <fcntl.h>

namespace crank::sys {

const int kReadOnly = O_RDONLY, kReadWrite = O_RDWR, kWriteOnly = O_WRONLY, kCreate = O_CREAT,
          kExclusive = O_EXCL, kAppend = O_APPEND, kDirectory = O_DIRECTORY, kPath = O_PATH,
          kNoFollow = O_NOFOLLOW, kNonBlock = O_NONBLOCK, kTruncate = O_TRUNC;

}  // namespace crank::sys
