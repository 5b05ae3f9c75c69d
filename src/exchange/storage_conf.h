// Where podman keeps its images: storage.conf(5). Internal to exchange.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::exchange {

struct StorageConf {
    std::string driver;                   // "overlay"; empty: it does not say
    std::string root;                     // graphroot
    std::string rootless_root;            // rootless_storage_path
    std::vector<std::string> additional;  // additionalimagestores
};
// $NAME and ${NAME} in paths are taken from `environment`. Errors: invalid_argument.
Result<StorageConf> parse_storage_conf(std::string_view text,
                                       const std::map<std::string, std::string>& environment);

struct StoragePlace {
    std::string driver;              // empty: whichever is there
    std::vector<std::string> roots;  // the user's own first
};
// For the calling user, as podman looks for it. Errors: invalid_argument, io.
Result<StoragePlace> find_storage();

}  // namespace crank::exchange
