#include "deploy/releases.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "compose/write.h"
#include "deploy/json_fields.h"
#include "sys/file.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

std::string directory(const engine::Paths& paths, const std::string& project) {
    return paths.root + "/projects/" + project + "/releases";
}

std::vector<std::int64_t> numbers_in(const std::string& dir) {
    std::vector<std::int64_t> numbers;
    Result<std::vector<std::string>> names = sys::list_dir(dir);
    if (!names) return numbers;
    for (const std::string& name : *names)
        if (auto number = parse_int(name); number && *number > 0) numbers.push_back(*number);
    std::ranges::sort(numbers);
    return numbers;
}

// Which variables the model's secrets and configs name.
std::map<std::string, std::string> environment_of(const compose::Project& project) {
    std::map<std::string, std::string> values;
    for (std::string_view kind : {"secrets", "configs"}) {
        const compose::Node* all = project.model.find(kind);
        if (all == nullptr) continue;
        for (const compose::Field& field : all->fields) {
            std::string name = field.value.text_of("environment");
            auto set = project.environment.find(name);
            if (!name.empty() && set != project.environment.end()) values[name] = set->second;
        }
    }
    return values;
}

bool is_development_change(const Release& release) {
    return release.what.starts_with(kDevelopmentChange);
}

// Of these numbers, the latest last. Whatever a save was, the next one makes it history that nobody
// goes back to.
std::int64_t number_for(const Release& release, const std::string& dir,
                        const std::vector<std::int64_t>& numbers) {
    if (numbers.empty()) return 1;
    std::int64_t last = numbers.back();
    if (!is_development_change(release)) return last + 1;
    Result<std::string> text = sys::read_file(dir + "/" + std::to_string(last));
    Result<Release> before = text ? parse_release(*text) : fail(std::move(text).error());
    return before && is_development_change(*before) ? last : last + 1;
}

// The last good one, and as many as are kept.
void remove_older(const std::string& dir, const std::vector<Release>& releases) {
    std::size_t more = releases.size() - std::min(releases.size(), kMostReleases);
    std::int64_t last_good = 0;
    for (const Release& release : releases)
        if (release.error.empty()) last_good = release.number;
    for (std::size_t i = 0; i < more; i++)
        if (releases[i].number != last_good)
            (void)sys::remove_file(dir + "/" + std::to_string(releases[i].number));
}

}  // namespace

bool is_development(const Release& release) {
    return release.what == kDevelopment || is_development_change(release);
}

std::string serialize(const Release& release) {
    Json services = Json::array();
    for (const ReleasedService& service : release.services) {
        services.push_back({{"name", service.name},
                            {"image", service.image},
                            {"image_id", service.image_id},
                            {"replicas", service.replicas}});
        if (!service.step_images.empty()) services.back()["step_images"] = service.step_images;
    }
    return Json{{"number", release.number},
                {"at", release.at_ns},
                {"by", release.by},
                {"what", release.what},
                {"message", release.message},
                {"error", release.error},
                {"same_as", release.same_as},
                {"project", release.project},
                {"directory", release.directory},
                {"config_files", release.config_files},
                {"file", release.file},
                {"profiles", release.profiles},
                {"environment", release.environment},
                {"services", services},
                {"containers", release.containers}}  // What a person typed may be no UTF-8.
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Release> parse_release(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object() || number_at(json, "number") <= 0)
        return fail(Code::corrupt, "no record of a release");
    Release release{.number = number_at(json, "number"),
                    .at_ns = number_at(json, "at"),
                    .by = text_at(json, "by"),
                    .what = text_at(json, "what"),
                    .message = text_at(json, "message"),
                    .error = text_at(json, "error"),
                    .same_as = number_at(json, "same_as"),
                    .project = text_at(json, "project"),
                    .directory = text_at(json, "directory"),
                    .config_files = text_at(json, "config_files"),
                    .file = text_at(json, "file")};
    for (const Json& profile : part_at(json, "profiles"))
        if (profile.is_string()) release.profiles.push_back(profile.get<std::string>());
    for (const auto& [name, value] : part_at(json, "environment").items())
        if (value.is_string()) release.environment[name] = value.get<std::string>();
    for (const Json& id : part_at(json, "containers"))
        if (id.is_string()) release.containers.push_back(id.get<std::string>());
    for (const Json& service : part_at(json, "services")) {
        release.services.push_back({text_at(service, "name"), text_at(service, "image"),
                                    text_at(service, "image_id"),
                                    number_at(service, "replicas", 1)});
        for (const auto& [name, id] : part_at(service, "step_images").items())
            if (id.is_string()) release.services.back().step_images[name] = id.get<std::string>();
    }
    return release;
}

namespace {

// One that was left as it is; nothing where it has no containers.
std::optional<ReleasedService> left_alone(const compose::Service& service,
                                          const Observed& observed) {
    ReleasedService released{.name = service.name, .image = service.image, .replicas = 0};
    std::set<std::int64_t> numbers;
    for (const ObservedContainer& container : observed.containers) {
        if (container.service != service.name) continue;
        numbers.insert(container.number);
        released.image_id = container.image_id;
    }
    released.replicas = std::ssize(numbers);
    return numbers.empty() ? std::nullopt : std::optional(std::move(released));
}

ReleasedService released(const DesiredService& service) {
    ReleasedService one{service.name, service.image, service.image_id, service.replicas};
    for (const DesiredPreStart& step : service.pre_start)
        if (step.image_id != service.image_id) one.step_images[step.image] = step.image_id;
    return one;
}

}  // namespace

std::string step_image_key(const std::string& service, const std::string& image) {
    return service + "/" + image;
}

Release release_of(const compose::Project& project, const compose::TypedProject& types,
                   const Desired& desired, const Observed& observed, std::string config_files) {
    Release release{.project = types.name,
                    .directory = types.directory,
                    .config_files = std::move(config_files),
                    .file = compose::to_json(compose::printable(project, compose::Format::yaml),
                                             compose::Dollars::doubled),
                    .profiles = project.profiles,
                    .environment = environment_of(project)};
    for (const compose::Service& service : types.services) {
        auto changed = std::ranges::find(desired.services, service.name, &DesiredService::name);
        if (changed != desired.services.end())
            release.services.push_back(released(*changed));
        else if (auto left = left_alone(service, observed))
            release.services.push_back(std::move(*left));
    }
    for (const ObservedContainer& container : observed.containers)
        release.containers.push_back(container.id);
    return release;
}

Result<std::int64_t> keep_release(const engine::Paths& paths, Release release) {
    TRY(compose::check_project_name(release.project));
    std::string dir = directory(paths, release.project);
    TRY(sys::make_dirs(dir, 0700));
    release.number = number_for(release, dir, numbers_in(dir));
    TRY(sys::write_file_atomic(dir + "/" + std::to_string(release.number), serialize(release), 0600,
                               sys::Sync::yes));
    remove_older(dir, TRY(list_releases(paths, release.project)));
    return release.number;
}

Result<std::vector<Release>> list_releases(const engine::Paths& paths, const std::string& project) {
    std::string dir = directory(paths, project);
    std::vector<Release> releases;
    for (std::int64_t number : numbers_in(dir)) {
        std::string path = dir + "/" + std::to_string(number);
        Result<std::string> text = sys::read_file(path);
        if (!text && text.error().code() == Code::not_found) continue;
        releases.push_back(TRY_IN(parse_release(TRY(std::move(text))), path));
    }
    return releases;
}

Result<std::set<std::string>> released_images(const engine::Paths& paths) {
    std::set<std::string> ids;
    Result<std::vector<std::string>> projects = sys::list_dir(paths.root + "/projects");
    if (!projects && projects.error().code() == Code::not_found) return ids;
    for (const std::string& project : TRY(std::move(projects))) {
        for (const Release& release : TRY(list_releases(paths, project)))
            for (const ReleasedService& service : release.services) {
                if (!service.image_id.empty()) ids.insert(service.image_id);
                for (const auto& [name, id] : service.step_images)
                    if (!id.empty()) ids.insert(id);
            }
    }
    return ids;
}

namespace {

bool same_state(const Release& a, const Release& b) {
    return a.file == b.file && a.environment == b.environment && a.profiles == b.profiles &&
           a.services == b.services;
}

// Of a rollback: of what it went to, while that is kept.
std::size_t state_of(const std::vector<Release>& releases, std::size_t at) {
    auto found = std::ranges::find(releases, releases[at].same_as, &Release::number);
    if (found == releases.end()) return at;
    return std::min(at, static_cast<std::size_t>(found - releases.begin()));
}

// From where the state that is there now was reached first to the one before that. Of a last one
// that failed nobody knows how much is there.
const Release* before_now(const std::vector<Release>& releases) {
    if (releases.empty()) return nullptr;
    std::size_t now = releases.size() - 1;
    if (releases[now].error.empty()) now = state_of(releases, now);
    for (std::size_t i = now; i-- > 0;) {
        if (!releases[i].error.empty()) continue;
        std::size_t state = state_of(releases, i);
        if (!same_state(releases[state], releases[now])) return &releases[state];
        now = i = state;
    }
    return nullptr;
}

}  // namespace

const Release* present_release(const std::vector<Release>& releases) {
    for (std::size_t i = releases.size(); i-- > 0;)
        if (releases[i].error.empty()) return &releases[i];
    return nullptr;
}

Result<Release> choose_release(const std::vector<Release>& releases,
                               std::optional<std::int64_t> number) {
    std::vector<std::string> good;
    for (const Release& release : releases)
        if (release.error.empty()) good.push_back(std::to_string(release.number));
    std::string list = good.empty() ? "there is none that ended well"
                                    : "those that ended well: " + join(good, ", ");
    if (number) {
        auto found = std::ranges::find(releases, *number, &Release::number);
        if (found != releases.end()) return *found;
        return fail(Error(Code::not_found, "no release " + std::to_string(*number))
                        .with_hint(list + " (crank releases)"));
    }
    if (const Release* before = before_now(releases)) return *before;
    return fail(Error(Code::not_found, "there is no release to go back to")
                    .with_hint(list + " (crank releases)"));
}

}  // namespace crank::deploy
