#include "exchange/files.h"

namespace crank::exchange {

Result<std::string> Files::text(const std::string& path) const {
    constexpr std::int64_t kMaxText = std::int64_t{4} << 20;
    Opened file = TRY(open(path));
    if (file.size > kMaxText)
        return fail(Code::corrupt, "'" + path + "' in " + name() + " is larger than 4 MiB");
    return store::read_all(*file.bytes, kMaxText, path);
}

}  // namespace crank::exchange
