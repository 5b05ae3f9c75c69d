// The flags of `crank build` that have a language of their own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"

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

// --build-context NAME=DIRECTORY|docker-image://IMAGE. Errors: usage, not_found, unsupported (other
// kinds, by name).
Result<> read_contexts(const Texts& flags, build::BuildRequest& request);

// --output type=local|tar|oci|docker|image,dest=PATH; a path alone is a directory, - a tar on
// standard output. Errors: usage.
struct BuildOutput {
    enum class Kind : std::uint8_t { store, directory, tar, oci, docker } kind = Kind::store;
    std::string dest;                // empty: standard output
    std::vector<std::string> names;  // type=image,name=...: tags
};
Result<BuildOutput> read_output(const Texts& flags);

// --no-cache-filter STAGE[,STAGE]
std::vector<std::string> read_stages(const Texts& flags);

}  // namespace crank::cli
