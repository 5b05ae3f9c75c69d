#include "net/conf.h"

#include <cstdlib>

#include "sys/file.h"

namespace crank::net {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Result<> add_conf(registry::RegistriesConf& conf, const std::string& path) {
    auto text = sys::read_file(path, std::size_t{1} << 20);
    if (text) return conf.add(*text, path);
    if (text.error().code() == Code::not_found) return {};
    return fail(std::move(text).error());
}

}  // namespace

Result<registry::RegistriesConf> read_registries_conf() {
    registry::RegistriesConf conf;
    std::string home = environment("HOME");
    std::string own = home + "/.config/containers/registries.conf";
    if (std::string given = environment("CONTAINERS_REGISTRIES_CONF"); !given.empty()) {
        TRY(add_conf(conf, given));
        return conf;
    }
    bool has_own = !home.empty() && sys::exists(own);
    TRY(add_conf(conf, has_own ? own : "/etc/containers/registries.conf"));
    for (const std::string& directory :
         {std::string("/etc/containers/registries.conf.d"), own + ".d"})
        if (auto names = sys::list_dir(directory))
            for (const std::string& name : *names)
                if (name.ends_with(".conf")) TRY(add_conf(conf, directory + "/" + name));
    return conf;
}

}  // namespace crank::net
