// Images in the storage of podman, buildah and CRI-O (github.com/containers/storage), read without
// any of them. Internal to exchange.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exchange/directory.h"
#include "exchange/incoming.h"

namespace crank::exchange {

class ContainersStorage {
public:
    // `root` and `driver`: where and how they are kept; empty: as storage.conf says. Drivers:
    // overlay and vfs. Errors: not_found (no storage there), corrupt, unsupported,
    // permission_denied.
    static Result<ContainersStorage> open(const std::string& root, const std::string& driver);

    struct Image {
        std::string id;                  // 64 hexadecimal digits
        std::vector<std::string> names;  // "localhost/worker:latest"
        std::string top_layer;
        std::shared_ptr<const Directory> root;
    };
    const std::vector<Image>& images() const { return images_; }
    // By name, by the end of one ("worker" is localhost/worker:latest where nothing else is), or by
    // the beginning of an id. Errors: not_found, invalid_argument (several).
    Result<const Image*> find(const std::string& typed) const;
    // Nothing in the storage is locked: an image that podman removes meanwhile is an error.
    Result<IncomingImage> read(const Image& image) const;

private:
    struct Layer {
        std::string parent;
        std::shared_ptr<const Directory> root;
    };
    Result<> add(const std::string& root);
    Result<> add_layers(const std::shared_ptr<const Directory>& root, const std::string& file);
    Result<IncomingLayer> layer(const std::string& id) const;
    std::vector<std::string> names() const;

    std::string driver_, shown_;
    std::vector<Image> images_;
    std::map<std::string, Layer> layers_;  // by id
};

}  // namespace crank::exchange
