// Images of a Docker that runs on this machine, through its socket. Internal to exchange.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "exchange/http.h"
#include "oci/digest.h"

namespace crank::exchange {

class DockerDaemon {
public:
    // Where DOCKER_HOST says, else where Docker is by itself, as root or rootless. Asks nothing
    // yet. Errors: unsupported (not on this machine).
    static Result<DockerDaemon> find();

    struct Image {
        std::string id;                 // as Docker calls it
        std::vector<std::string> tags;  // as a person writes them
    };
    // By name or id. Errors: not_found (no Docker; no such image), permission_denied, corrupt, io.
    Result<Image> inspect(const std::string& name) const;
    Result<std::vector<Image>> list() const;
    // Its archive of the image, as `docker save` writes it, to `fd`.
    Result<> save(const std::string& name, int fd, const ProgressSink& progress = {}) const;

    const std::string& name() const { return name_; }  // "unix:///var/run/docker.sock"

private:
    explicit DockerDaemon(std::string path) : path_(std::move(path)), name_("unix://" + path_) {}
    Result<std::unique_ptr<HttpAnswer>> get(const std::string& target) const;
    Result<std::unique_ptr<HttpAnswer>> get_image(const std::string& name,
                                                  const std::string& what) const;
    std::string path_, name_;
};

}  // namespace crank::exchange
