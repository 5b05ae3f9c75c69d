#include "cli/environment.h"

#include <algorithm>

#include "base/text.h"
#include "cli/compose_files.h"
#include "cli/output.h"
#include "deploy/records.h"
#include "deploy/release_difference.h"

namespace crank::cli {
namespace {

Result<> check_flags(const Arguments& arguments) {
    std::string why = arguments.has("env") ? "--env" : "--from";
    for (std::string flag : {"build", "pull"}) {
        bool given = flag == "build" ? arguments.on(flag) : arguments.has(flag);
        if (!given) continue;
        return fail(Error(Code::usage, why +
                                           " takes images as they run elsewhere: nothing is built "
                                           "or pulled, and --" +
                                           flag + " means nothing")
                        .with_hint("leave it out"));
    }
    return {};
}

// An environment's, or one that is called so itself.
Result<std::string> find_source(const Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string from = arguments.value("from");
    if (auto project = TRY(project_of_environment(arguments, from))) return *project;
    if (!TRY(deploy::list_releases(invocation.paths, from)).empty()) return from;
    return fail(Error(Code::not_found, "--from " + from +
                                           ": there is no such environment, and no "
                                           "project of that name has a release")
                    .with_hint("crank releases --all-envs"));
}

Result<deploy::Release> find_release(const engine::Paths& paths, const std::string& project) {
    std::vector<deploy::Release> releases = TRY(deploy::list_releases(paths, project));
    const deploy::Release* release = deploy::present_release(releases);
    if (release == nullptr)
        return fail(Error(Code::not_found, "project " + project +
                                               " has no release that ended well: there is no image "
                                               "to take")
                        .with_hint("crank deploy -p " + project + ", or --from another"));
    if (!deploy::Records(paths, project).is_down()) return *release;
    return fail(Error(Code::failed_precondition,
                      "project " + project + " is down: nothing runs there that could be taken")
                    .with_hint("crank deploy -p " + project + ", or --from another"));
}

Result<const deploy::ReleasedService*> find_service(const deploy::Release& release,
                                                    const deploy::DesiredService& service) {
    if (service.native)
        return fail(Error(Code::unsupported, "service " + service.name +
                                                 " runs natively: it has no image to take, and its "
                                                 "directory is of one project")
                        .with_hint("native: false for it in the environment's file"));
    auto found = std::ranges::find(release.services, service.name, &deploy::ReleasedService::name);
    if (found != release.services.end() && found->image_id.starts_with("sha256:") &&
        found->image != deploy::kNativeImage)
        return &*found;
    std::vector<std::string> names;
    for (const deploy::ReleasedService& one : release.services) names.push_back(one.name);
    std::string where = "release " + std::to_string(release.number) + " of " + release.project;
    return fail(
        Error(Code::not_found, "service " + service.name + ": " + where + " has no image of it")
            .with_hint("services of it: " + join(names, ", ") + "; name those to deploy"));
}

// Built ones are called as the project is where nobody has said anything.
void tell_other_name(const compose::Service& service, const deploy::ReleasedService& taken) {
    if (service.build || deploy::whole_name(service.image) == deploy::whole_name(taken.image))
        return;
    warn("service " + service.name + ": the file says " + service.image + "; taken is " +
         deploy::image_text(taken));
}

void name_image(LoadedProject& project, const std::string& name, const std::string& image) {
    for (compose::Service& service : project.types.services)
        if (service.name == name) service.image = image;
    compose::Node* services = project.model.model.find("services");
    compose::Node* service = services == nullptr ? nullptr : services->find(name);
    if (service != nullptr) service->set("image", compose::Node::of_text(image));
}

}  // namespace

std::string with_source(const std::string& what, const std::optional<TakenDigests>& taken) {
    if (!taken) return what;
    return what + " of " + taken->project + " " + std::to_string(taken->release);
}

Result<std::optional<TakenDigests>> take_digests(const Invocation& invocation,
                                                 const deploy::Selection& selection,
                                                 LoadedProject& project) {
    const Arguments& arguments = invocation.arguments;
    if (!arguments.has("env") && !arguments.has("from")) return std::optional<TakenDigests>();
    TRY(check_flags(arguments));
    std::string source = TRY(find_source(invocation));
    if (source == project.types.name)
        return fail(Error(Code::usage, "the images of project " + source +
                                           " are its own already: there is none to take them from")
                        .with_hint("--from another environment"));
    deploy::Release release = TRY(find_release(invocation.paths, source));
    TakenDigests taken{.project = source, .release = release.number, .images = {}};
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, selection));
    for (const deploy::DesiredService& service : desired.services) {
        const deploy::ReleasedService* found = TRY(find_service(release, service));
        tell_other_name(*project.types.find(service.name), *found);
        taken.images[service.name] = found->image_id;
        for (const auto& [name, id] : found->step_images)
            taken.images[deploy::step_image_key(service.name, name)] = id;
        name_image(project, service.name, found->image);
    }
    return std::optional(std::move(taken));
}

void pin(const std::map<std::string, std::string>& images, deploy::Desired& desired) {
    auto find = [&](const std::string& key) {
        auto image = images.find(key);
        return image == images.end() ? std::string() : image->second;
    };
    for (deploy::DesiredService& service : desired.services) {
        if (images.contains(service.name)) service.pinned = find(service.name);
        for (deploy::DesiredPreStart& step : service.pre_start)
            step.pinned = find(deploy::step_image_key(service.name, step.image));
    }
}

Result<> refuse_environment(const Arguments& arguments, const std::string& verb) {
    auto name = arguments.find("env");
    if (!name) return {};
    return fail(Error(Code::usage, "environment " + *name +
                                       " takes the images of another: there is nothing to " + verb)
                    .with_hint("crank deploy --env " + *name));
}

}  // namespace crank::cli
