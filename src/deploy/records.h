// What is kept of a project beside its containers: ROOT/projects/NAME.
//
//   lock            held by the command that changes the project
//   locked          a person keeps it as it is (project_lock.h)
//   services/HASH   what a container was made from (compose::identity()), by its config-hash: a
//                   later plan says with it which fields have changed
//   down            it is to have no containers: `crank down` was its last command
//   releases/N      what it was, each time it was changed (releases.h)
//   native/SERVICE  directories of its native releases (native_releases.h)
//   certificates    of services that ask for one (certificates.h)
//   logs/ID         what containers wrote that are there no more (kept_logs.h)
//   pre_start/SERVICE  what the service's steps before the start have succeeded for, last
//   files/HASH      contents of secrets and configs that are in no file of the user's
//
// Each file is written whole, once. The directory is root's alone.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "engine/paths.h"
#include "sys/unique_fd.h"

namespace crank::deploy {

class Records {
public:
    Records(const engine::Paths& paths, const std::string& project)
        : dir_(paths.root + "/projects/" + project), project_(project) {}

    // Until it goes nobody else changes the project. Errors: in_use; invalid_argument, here and
    // below, where the name is no project's: nothing is written then, and nothing forgotten.
    Result<sys::UniqueFd> lock() const;

    // Whether it is to be there, for `crank reconcile`.
    Result<void> note_down() const;
    void note_up() const;  // best effort
    bool is_down() const;

    Result<void> keep_service(const std::string& hash, const std::string& identity) const;
    // Those of these hashes that are known.
    std::map<std::string, std::string> services(const std::set<std::string>& hashes) const;
    // What steps of pre_start have succeeded for (plan_pre_start.h), by service. Empty: nobody
    // knows how far they have come.
    Result<void> note_prepared(const std::string& service, const std::string& key) const;
    std::map<std::string, std::string> prepared() const;
    // Where the content lies from now on, as `use` wants it. Errors: invalid_argument (an owner
    // that is no number).
    Result<std::string> keep_file(const compose::FileUse& use, const std::string& content) const;
    // Everything but these services' records and the files that a container has. Best effort.
    void forget_others(const std::set<std::string>& hashes,
                       const std::set<std::string>& files) const;
    // All but the releases and their directories. Best effort.
    void forget_containers() const;
    // All of it, but that it is locked. Best effort.
    void forget() const;

private:
    bool is_named() const;

    std::string dir_, project_;
};

// Those of which anything is kept.
Result<std::vector<std::string>> list_projects(const engine::Paths& paths);

}  // namespace crank::deploy
