// Finding a project's compose files, as Docker does, and reading them for the compose room.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "cli/flags.h"
#include "compose/load.h"

namespace crank::cli {

class ProjectFiles : public compose::Files {
public:
    Result<std::string> read(const std::string& path) override;
    bool exists(const std::string& path) override;
    // What was asked for, there or not, but for the standard input.
    const std::set<std::string>& asked() const { return asked_; }

private:
    std::set<std::string> asked_;
};

// From --file, --env-file, --profile, --project-name, --project-directory and the environment's
// COMPOSE_FILE, COMPOSE_ENV_FILES and COMPOSE_PROFILES; else the first compose.yaml, compose.yml,
// docker-compose.yaml or docker-compose.yml here or in a directory above, with its override file.
// --env adds that environment's file, in the place of the usual override file, and its project's
// name. Errors: not_found, with what was looked for.
Result<compose::LoadOptions> find_compose_files(const Arguments& arguments);

// The project of an environment, whatever --env and --project-name say; of none (""): that of the
// files alone. Nothing: there is no such environment.
Result<std::optional<std::string>> project_of_environment(const Arguments& arguments,
                                                          const std::string& environment);

}  // namespace crank::cli
