// What a project was, each time it was changed: ROOT/projects/NAME/releases/N, written once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compose/service.h"
#include "deploy/plan.h"
#include "engine/paths.h"

namespace crank::deploy {

struct ReleasedService {
    std::string name, image, image_id;
    std::int64_t replicas = 1;
    // Of its steps before the start, where they have others: ids by their names.
    std::map<std::string, std::string> step_images = {};
    bool operator==(const ReleasedService&) const = default;
};
// Stands for such an image where images of services are told by the services' names.
std::string step_image_key(const std::string& service, const std::string& image);

struct Release {
    std::int64_t number = 0;   // counted from 1
    std::int64_t at_ns = 0;    // CLOCK_REALTIME
    std::string by;            // who
    std::string what;          // "up", "rollback to 3"
    std::string message;       // why, as somebody said it
    std::string error;         // how it ended; empty: well
    std::int64_t same_as = 0;  // of a rollback: what it went to
    // The project, as `crank config` prints it: a compose file of the same meaning.
    std::string project, directory, config_files, file;
    std::vector<std::string> profiles;
    // Values of variables that secrets and configs hold.
    std::map<std::string, std::string> environment;
    std::vector<ReleasedService> services;
    // Ids of those that it had at its end, and of those that it made and that went again. Empty:
    // written by a crank that did not note them.
    std::vector<std::string> containers;
    bool operator==(const Release&) const = default;
};

// What releases of `crank dev` say of what they are: the state that it began with, and changes
// since, of which the last one is kept ("dev: src/app.py").
inline constexpr std::string_view kDevelopment = "dev", kDevelopmentChange = "dev: ";
bool is_development(const Release& release);

// Older ones go, but for the last good one.
inline constexpr std::size_t kMostReleases = 20;

std::string serialize(const Release& release);
// Errors: corrupt.
Result<Release> parse_release(std::string_view json);

// Without number, time, who, what and end. Services that are not among the desired ones are as they
// are observed: whoever goes back to it has the whole project back.
Release release_of(const compose::Project& project, const compose::TypedProject& types,
                   const Desired& desired, const Observed& observed, std::string config_files);

// Gives it the next number, or the last one where both are changes of development. Under the
// project's lock.
Result<std::int64_t> keep_release(const engine::Paths& paths, Release release);
// The oldest first; none is no error.
Result<std::vector<Release>> list_releases(const engine::Paths& paths, const std::string& project);
// Ids of the images that releases of any project need.
Result<std::set<std::string>> released_images(const engine::Paths& paths);

// Pure. What is to be there: the last that ended well. Nothing: there is none.
const Release* present_release(const std::vector<Release>& releases);
// Pure. The one that is asked for, or the last good one before what is there now and other than
// that: one that failed is not there, after a rollback it is what that went to, and a start of what
// there was is no state of its own. Errors: not_found, with the list.
Result<Release> choose_release(const std::vector<Release>& releases,
                               std::optional<std::int64_t> number);

}  // namespace crank::deploy
