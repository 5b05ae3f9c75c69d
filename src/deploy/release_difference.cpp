#include "deploy/release_difference.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "deploy/difference.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownDigits = 12;
constexpr std::size_t kAll = SIZE_MAX;

// A release's file in its parts. One that is no JSON has none.
struct File {
    Json rest;  // without services and the project's name
    std::map<std::string, std::string> services;
};

// What a release has of the service itself: the image by its digest, and how many.
void erase_released(Json& service) {
    for (const char* field : {"image", "scale"}) service.erase(field);
    auto deploy = service.find("deploy");
    if (deploy == service.end() || !deploy->is_object()) return;
    deploy->erase("replicas");
    // Printed always; empty they say nothing.
    for (const char* part : {"placement", "resources"})
        if (auto found = deploy->find(part); found != deploy->end() && found->empty())
            deploy->erase(part);
    if (deploy->empty()) service.erase("deploy");
}

File file_of(const Release& release) {
    File file{.rest = Json::parse(release.file, nullptr, false), .services = {}};
    if (!file.rest.is_object()) file.rest = Json::object();
    file.rest.erase("name");
    auto services = file.rest.find("services");
    if (services == file.rest.end()) return file;
    for (auto& [name, service] : services->items()) {
        if (!service.is_object()) continue;
        erase_released(service);
        file.services[name] = service.dump();
    }
    file.rest.erase("services");
    return file;
}

const ReleasedService* find(const Release& release, const std::string& name) {
    auto found = std::ranges::find(release.services, name, &ReleasedService::name);
    return found == release.services.end() ? nullptr : &*found;
}

std::optional<ServiceDifference> compare(const std::string& name, const ReleasedService* before,
                                         const ReleasedService* after, const File& old,
                                         const File& now) {
    using Kind = ServiceDifference::Kind;
    if (before == nullptr)
        return ServiceDifference{
            .service = name, .kind = Kind::added, .before = {}, .after = *after, .fields = {}};
    if (after == nullptr)
        return ServiceDifference{
            .service = name, .kind = Kind::removed, .before = *before, .after = {}, .fields = {}};
    ServiceDifference found{.service = name, .before = *before, .after = *after, .fields = {}};
    auto was = old.services.find(name), is = now.services.find(name);
    if (was != old.services.end() && is != now.services.end())
        found.fields = differences(was->second, is->second, kAll);
    if (*before == *after && found.fields.empty()) return std::nullopt;
    return found;
}

// Values of secrets: that they changed is all that is told.
void compare_variables(const std::map<std::string, std::string>& before,
                       const std::map<std::string, std::string>& after,
                       std::vector<std::string>& found) {
    std::set<std::string> names;
    for (const auto& [name, value] : before) names.insert(name);
    for (const auto& [name, value] : after) names.insert(name);
    for (const std::string& name : names) {
        auto old = before.find(name), now = after.find(name);
        std::string text = "variable " + name + " of secrets and configs: ";
        if (old == before.end())
            found.push_back(text + "added");
        else if (now == after.end())
            found.push_back(text + "removed");
        else if (old->second != now->second)
            found.push_back(text + "changed");
    }
}

std::string number_text(std::int64_t replicas) {
    return std::to_string(replicas) + (replicas == 1 ? " container" : " containers");
}

}  // namespace

ReleaseDifference difference_of(const Release& before, const Release& after) {
    File old = file_of(before), now = file_of(after);
    ReleaseDifference difference;
    std::set<std::string> names;
    for (const Release* release : {&before, &after})
        for (const ReleasedService& service : release->services) names.insert(service.name);
    for (const std::string& name : names)
        if (auto found = compare(name, find(before, name), find(after, name), old, now))
            difference.services.push_back(std::move(*found));
    difference.project = differences(old.rest.dump(), now.rest.dump(), kAll);
    compare_variables(before.environment, after.environment, difference.project);
    return difference;
}

std::string image_text(const ReleasedService& service) {
    std::size_t colon = service.image_id.find(':');
    std::string id = colon == std::string::npos ? "" : service.image_id.substr(colon + 1);
    return service.image + (id.empty() ? "" : "@" + id.substr(0, kShownDigits));
}

std::vector<std::string> describe(const ReleaseDifference& difference) {
    using Kind = ServiceDifference::Kind;
    std::vector<std::string> lines;
    for (const ServiceDifference& one : difference.services) {
        auto line = [&](const std::string& text) { lines.push_back(one.service + ": " + text); };
        const ReleasedService& there = one.kind == Kind::removed ? one.before : one.after;
        if (one.kind != Kind::changed) {
            line((one.kind == Kind::added ? "added: " : "removed: ") + image_text(there) + ", " +
                 number_text(there.replicas));
            continue;
        }
        if (one.before.image != one.after.image || one.before.image_id != one.after.image_id)
            line("image: " + image_text(one.before) + " -> " + image_text(one.after));
        if (one.before.replicas != one.after.replicas)
            line("containers: " + std::to_string(one.before.replicas) + " -> " +
                 std::to_string(one.after.replicas));
        for (const std::string& field : one.fields) line(field);
    }
    lines.insert(lines.end(), difference.project.begin(), difference.project.end());
    return lines;
}

namespace {

Result<Release> numbered(const std::vector<Release>& releases, std::int64_t number) {
    auto found = std::ranges::find(releases, number, &Release::number);
    if (found != releases.end()) return *found;
    std::vector<std::string> kept;
    for (const Release& release : releases) kept.push_back(std::to_string(release.number));
    return fail(
        Error(Code::not_found, "no release " + std::to_string(number))
            .with_hint((kept.empty() ? "there is none" : "those kept: " + join(kept, ", ")) +
                       " (crank releases)"));
}

}  // namespace

Result<std::pair<Release, Release>> choose_two(const std::vector<Release>& releases,
                                               std::optional<std::int64_t> first,
                                               std::optional<std::int64_t> second) {
    if (first) {
        Release before = TRY(numbered(releases, *first));
        if (second) return std::pair(std::move(before), TRY(numbered(releases, *second)));
        const Release* present = present_release(releases);
        if (present != nullptr) return std::pair(std::move(before), *present);
        return fail(Error(Code::not_found, "there is no release that ended well to compare with")
                        .with_hint("name two: crank releases diff 1 2"));
    }
    if (releases.size() >= 2) return std::pair(releases[releases.size() - 2], releases.back());
    return fail(Error(Code::not_found, releases.empty()
                                           ? "there is no release"
                                           : "there is one release, and none before it")
                    .with_hint("crank plan compares what is there with the file"));
}

}  // namespace crank::deploy
