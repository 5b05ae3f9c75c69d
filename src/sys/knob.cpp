#include "sys/knob.h"

#include <fcntl.h>
#include <unistd.h>

#include "sys/file.h"

namespace crank::sys {

Result<> Knobs::write(const std::string& path, std::string_view value) {
    if (path != path_) {
        path_.clear();
        fd_ = TRY(open(path, O_WRONLY));
        path_ = path;
    }
    if (::write(fd_.get(), value.data(), value.size()) < 0)
        return fail_errno("write '" + std::string(value) + "' to " + path);
    return {};
}

}  // namespace crank::sys
