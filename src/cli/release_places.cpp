#include "cli/release_places.h"

#include <map>
#include <nlohmann/json.hpp>

#include "cli/compose_files.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "deploy/desired.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "deploy/releases.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownDigits = 12;
constexpr Column kColumns[] = {
    {"Project", "PROJECT"}, {"Service", "SERVICE"},
    {"Image", "IMAGE"},     {"ShortDigest", "DIGEST"},
    {"Running", "RUNNING"}, {"Release", "RELEASE"},
    {"Since", "SINCE"},     {"Digest", "WHOLE DIGEST", false},
};

// What its first file was; one from standard input is known by its directory.
std::string file_of(const deploy::Release& release) {
    return release.directory + "\n" +
           release.config_files.substr(0, release.config_files.find(','));
}
// Of a project that has none, as the file is here.
Result<std::string> file_of(const Invocation& invocation, const std::string& project) {
    std::vector<deploy::Release> own = TRY(deploy::list_releases(invocation.paths, project));
    if (const deploy::Release* present = deploy::present_release(own)) return file_of(*present);
    compose::LoadOptions options = TRY_IN(find_compose_files(invocation.arguments),
                                          "project " + project + " has no release that ended well");
    return options.directory + "\n" + options.files.front();
}

struct Place {
    std::string project;
    deploy::Release release;  // the one that is to be there
};

// Of all projects of the machine, those of that file; a release that cannot be read is named, and
// hides no other project.
std::vector<Place> places_of(const engine::Paths& paths, const std::string& file,
                             const std::vector<std::string>& projects) {
    std::vector<Place> places;
    for (const std::string& project : projects) {
        auto releases = deploy::list_releases(paths, project);
        if (!releases) {
            warn("project " + project + ": " + releases.error().text());
            continue;
        }
        const deploy::Release* present = deploy::present_release(*releases);
        if (present != nullptr && file_of(*present) == file) places.push_back({project, *present});
    }
    return places;
}

std::string short_digest(const std::string& digest) {
    std::size_t colon = digest.find(':');
    return colon == std::string::npos ? "-" : digest.substr(colon + 1, kShownDigits);
}

// By service and digest, how many run.
using Running = std::map<std::pair<std::string, std::string>, std::int64_t>;

Json row_of(const Place& place, const std::string& service, const std::string& image,
            const std::string& digest, const std::string& running, const std::string& release) {
    return {{"Project", place.project},
            {"Service", service},
            {"Image", image},
            {"ShortDigest", short_digest(digest)},
            {"Digest", digest},
            {"Running", running},
            {"Release", release},
            {"Since", release == "-" ? "-" : age_text(place.release.at_ns) + " ago"}};
}

Result<> add_rows(const engine::Paths& paths, const Place& place, std::vector<Json>& rows) {
    Running running;
    for (const auto& one : TRY(deploy::observe(paths, place.project)).observed.containers)
        if (one.state == deploy::ObservedContainer::State::running)
            running[{one.service, one.image_id}]++;
    bool down = deploy::Records(paths, place.project).is_down();
    for (const deploy::ReleasedService& service : place.release.services) {
        auto node = running.extract(std::pair(service.name, service.image_id));
        std::int64_t number = node.empty() ? 0 : node.mapped();
        rows.push_back(
            row_of(place, service.name, service.image, service.image_id,
                   std::to_string(number) + "/" + std::to_string(down ? 0 : service.replicas),
                   std::to_string(place.release.number)));
    }
    // What runs and is not of that release: a change that failed half-way, or is at it.
    for (const auto& [what, number] : running)
        rows.push_back(row_of(place, what.first, "", what.second, std::to_string(number), "-"));
    return {};
}

}  // namespace

Result<int> print_places(const Invocation& invocation, const std::string& project) {
    const engine::Paths& paths = invocation.paths;
    std::string file = TRY(file_of(invocation, project));
    std::vector<Json> rows;
    std::vector<std::string> projects = TRY(deploy::list_projects(paths));
    for (const Place& place : places_of(paths, file, projects)) TRY(add_rows(paths, place, rows));
    print(TRY(format_list(invocation.arguments.value("format"), kColumns, rows)));
    return 0;
}

}  // namespace crank::cli
