// --cidfile: a file that holds the id of the container that was started.
#pragma once

#include <string>

#include "base/error.h"

namespace crank::cli {

class CidFile {
public:
    // Takes the file before anything starts, so that no container runs whose id has no place. An
    // empty path: none. Errors: already_exists.
    static Result<CidFile> take(const std::string& path);
    CidFile(CidFile&& other) noexcept;
    CidFile& operator=(CidFile&&) = delete;
    ~CidFile();  // takes it off again where nothing was written

    Result<> write(const std::string& id);

private:
    explicit CidFile(std::string path) : path_(std::move(path)) {}
    std::string path_;  // empty: none, or written
};

}  // namespace crank::cli
