// Finding a project's compose files, as Docker does, and reading them for the compose room.
#pragma once

#include "cli/flags.h"
#include "compose/load.h"

namespace crank::cli {

class ProjectFiles : public compose::Files {
public:
    Result<std::string> read(const std::string& path) override;
    bool exists(const std::string& path) override;
};

// From --file, --env-file, --profile, --project-name, --project-directory and the environment's
// COMPOSE_FILE, COMPOSE_ENV_FILES and COMPOSE_PROFILES; else the first compose.yaml, compose.yml,
// docker-compose.yaml or docker-compose.yml here or in a directory above, with its override file.
Result<compose::LoadOptions> find_compose_files(const Arguments& arguments);

}  // namespace crank::cli
