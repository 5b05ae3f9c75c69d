// The files of an image in a directory that somebody else has written. Internal to exchange.
#pragma once

#include "exchange/files.h"
#include "sys/unique_fd.h"

namespace crank::exchange {

class Directory : public Files {
public:
    // Errors: not_found; failed_precondition (no directory).
    static Result<std::shared_ptr<const Directory>> open_path(const std::string& path);

    // A directory of it, beyond which its own links do not lead. Errors: not_found.
    Result<std::shared_ptr<const Directory>> below(const std::string& path) const;

    std::string name() const override { return path_; }
    bool has(const std::string& path) const override;
    // Links are followed as by a process whose root the directory is.
    Result<Opened> open(const std::string& path) const override;

private:
    Directory(std::string path, sys::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    sys::UniqueFd fd_;
};

}  // namespace crank::exchange
