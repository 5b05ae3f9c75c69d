// The flags of `crank build` that have a language of their own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "cli/flags.h"

namespace crank::cli {

using Texts = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

// --secret id=NAME[,src=FILE|,env=NAME]: by its id alone it is the variable of that name, or the
// file. Errors: usage, not_found (no such file), exhausted (more than 500 KiB).
Result<> read_secrets(const Texts& flags, const Variables& environment,
                      build::BuildRequest& request);

// --ssh default|ID[=SOCKET|KEY[,KEY]]: without a path the agent of SSH_AUTH_SOCK. Errors: usage,
// not_found.
Result<> read_agents(const Texts& flags, const Variables& environment,
                     build::BuildRequest& request);

// --add-host, --ulimit, --shm-size, and what a step may use of memory and processors. Errors:
// invalid_argument, usage.
Result<> read_steps(const Arguments& arguments, build::BuildRequest::StepSettings& steps);

// HOST:ADDRESS or HOST=ADDRESS. Errors: invalid_argument.
Result<> add_host(const std::string& text, build::BuildRequest::StepSettings& steps);
// NAME=SOFT[:HARD]; of two of one name the last one counts. Errors: invalid_argument.
Result<> add_ulimits(const Texts& texts, build::BuildRequest::StepSettings& steps);

// --output type=local|tar|oci|docker|image|registry,dest=PATH; a path alone is a directory, - a tar
// on standard output. Errors: usage.
struct BuildOutput {
    enum class Kind : std::uint8_t { store, directory, tar, oci, docker } kind = Kind::store;
    std::string dest;                // empty: standard output
    std::vector<std::string> names;  // type=image,name=...: tags
    bool push = false;               // type=registry, or type=image,push=true
};
Result<BuildOutput> read_output(const Texts& flags);

// --no-cache-filter STAGE[,STAGE]
std::vector<std::string> read_stages(const Texts& flags);

}  // namespace crank::cli
