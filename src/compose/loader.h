// Reading, including and extending files. Internal to load.
#pragma once

#include <map>

#include "compose/load.h"

namespace crank::compose {

class Loader {
public:
    Loader(const LoadOptions& options, Files& files, Diagnostics& diagnostics)
        : options_(options), files_(files), diagnostics_(diagnostics) {}

    // What variables are taken from in files of `directory`: the process, then these files.
    Result<Environment> environment(const std::vector<std::string>& env_files,
                                    const Environment& outer);
    // The last name that the files give, with its variables replaced.
    Result<std::string> name_in_files(const Environment& environment);
    // All files merged; paths resolved against `directory`.
    Result<Node> model(const std::vector<std::string>& paths, const std::string& directory,
                       const Environment& environment, std::vector<std::string> including = {});

private:
    struct Place {
        const std::string& path;
        const std::string& directory;
        const Environment& environment;
    };

    Result<const std::vector<Node>*> documents(const std::string& path);
    Result<void> spend(const Node& node);
    Result<Node> prepared(Node document, const Environment& environment);
    Result<void> include(Node& document, const Place& place,
                         const std::vector<std::string>& including);
    Result<Node> included(const Node& entry, const Place& place,
                          const std::vector<std::string>& including);
    Result<void> extend_all(Node& document, const Place& place);
    Result<Node> extended(Node& services, const std::string& name, const Place& place,
                          std::vector<std::string>& chain);
    Result<Node> base_of(Node& services, const std::string& service, const Node& extends,
                         const Place& place, std::vector<std::string>& chain);
    std::string shown(const std::string& path) const;
    Result<std::string> read(const std::string& path, Position at, std::string_view field);

    const LoadOptions& options_;
    Files& files_;
    Diagnostics& diagnostics_;
    std::map<std::string, std::vector<Node>> documents_;
    std::size_t nodes_ = 0;   // of all that was made of the files
    std::size_t models_ = 0;  // how often one was included or extended
};

}  // namespace crank::compose
