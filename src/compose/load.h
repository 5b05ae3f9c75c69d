// Compose files to one project: the specification's whole way, without a system call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compose/canonical.h"
#include "compose/diagnostics.h"
#include "compose/interpolate.h"
#include "compose/node.h"

namespace crank::compose {

// What the caller lets the loader read. Paths are absolute, or as in LoadOptions::files.
class Files {
public:
    virtual ~Files() = default;
    virtual Result<std::string> read(const std::string& path) = 0;
    virtual bool exists(const std::string& path) = 0;  // and is no directory
};

struct LoadOptions {
    std::vector<std::string> files;      // merged in this order; at least one
    std::string directory;               // of the project, absolute
    std::string name;                    // of the project, before any other
    std::vector<std::string> profiles;   // "*": all
    std::vector<std::string> env_files;  // in the place of the directory's .env
    Environment environment;             // of the process: before that of .env files
    std::string home;                    // what "~" stands for in paths
    Variables variables = Variables::replaced;
    bool resolve_environment = true;  // read env_file and label_file
    bool keep_unused = false;         // networks, volumes, ... that no service in force has
};

struct Project {
    std::string name, directory;
    // name, services, networks, volumes, secrets, configs: every short form a long one, defaults
    // set, paths absolute. Services of other profiles are in `disabled`.
    Node model, disabled;
    std::vector<std::string> profiles;  // those in force
    Environment environment;            // what variables were taken from
};

inline constexpr std::int64_t kMostReplicas = 1000;  // of a service
inline constexpr std::size_t kMaxFiles = 200;        // with those included and extended

// Errors name file, line, column and path in the document: what canonicalise and merge_project
// refuse, files that cannot be read, cycles of extends and include, references to what is not
// declared. Warnings go to `diagnostics`.
Result<Project> load(const LoadOptions& options, Files& files, Diagnostics& diagnostics);

// The name alone, as load() gives it, whatever else may be missing.
Result<std::string> project_name(const LoadOptions& options, Files& files,
                                 Diagnostics& diagnostics);
// As `name:` of the files says it, with its variables; empty: it is in none.
Result<std::string> written_name(const LoadOptions& options, Files& files,
                                 Diagnostics& diagnostics);

// As Docker does it: lower case, what is no letter, digit, '-' or '_' left out.
std::string normalise_project_name(std::string_view name);
// Of one that somebody gave: itself. Errors: invalid_argument where it is empty or not as it is to
// be: what it would be made of might be another project's, or everything that is no project's.
Result<std::string> check_project_name(std::string_view given);

}  // namespace crank::compose
