#include "cli/cid_file.h"

#include <utility>

#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::cli {

Result<CidFile> CidFile::take(const std::string& path) {
    if (path.empty()) return CidFile("");
    Result<sys::UniqueFd> file =
        sys::open(path, sys::kWriteOnly | sys::kCreate | sys::kExclusive, 0644);
    if (file) return CidFile(path);
    if (file.error().code() != Code::already_exists)
        return fail(std::move(file).error().with_context("--cidfile"));
    return fail(Error(Code::already_exists, "--cidfile " + path + ": the file exists")
                    .with_hint("its container may still run; rm " + path + " where it does not"));
}

CidFile::CidFile(CidFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}

CidFile::~CidFile() {
    if (!path_.empty()) (void)sys::remove_file(path_);
}

Result<> CidFile::write(const std::string& id) {
    if (path_.empty()) return {};
    std::string path = std::exchange(path_, "");
    sys::UniqueFd file = TRY_IN(sys::open(path, sys::kWriteOnly), "--cidfile");
    return sys::write_all(file.get(), id, path);
}

}  // namespace crank::cli
