// status: how a compose project's services stand.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "cli/compose_files.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/project_up.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "deploy/observe.h"
#include "deploy/releases.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kOwnFlags[] = {
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Name}}"},
    {"quiet", 'q', FlagKind::boolean, "", "ids alone"},
    {"services", 0, FlagKind::boolean, "", "the services' names alone"},
    // Also those that do not run are shown.
    {"all", 'a', FlagKind::boolean, "", ""},
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {"crank status", "crank status web",
                                          "crank status -p mail --format json"};
constexpr Column kColumns[] = {
    {"Name", "NAME"},     {"Service", "SERVICE"}, {"Image", "IMAGE"},
    {"Status", "STATUS"}, {"Ports", "PORTS"},     {"ID", "CONTAINER ID", false},
};

Json row_of(const engine::Container& container, const std::string& service) {
    return {{"Name", engine::shown_name(container.record)},
            {"Service", service},
            {"Image", container.record.image},
            {"Status", status_text(container)},
            {"Ports", ports_text(container.record)},
            {"ID", container.record.id}};
}

// Of the file, where there is one: also those that have no container.
std::vector<std::string> wanted_services(const Arguments& arguments) {
    std::vector<std::string> names;
    if (!arguments.value("project-name").empty() && arguments.values("file").empty()) return names;
    Result<compose::LoadOptions> options = find_compose_files(arguments);
    if (!options) return names;
    ProjectFiles files;
    compose::Diagnostics diagnostics;
    Result<compose::Project> project = compose::load(*options, files, diagnostics);
    if (!project) return names;
    if (const compose::Node* services = project->model.find("services"))
        for (const compose::Field& field : services->fields) names.push_back(field.key);
    return names;
}

void tell_release(const std::vector<deploy::Release>& releases) {
    if (releases.empty()) return;
    const deploy::Release& last = releases.back();
    std::string text = "release " + std::to_string(last.number) + ": " + last.what + " by " +
                       last.by + ", " + age_text(last.at_ns) + " ago";
    note(last.error.empty() ? text : text + ", failed: " + last.error);
}

// Of those that are named, or all.
class Rows {
public:
    Rows(const Arguments& arguments, const deploy::Sight& sight)
        : named_(arguments.words()), missing_(wanted_services(arguments)) {
        for (const deploy::ObservedContainer& one : sight.observed.containers)
            known_.insert(one.service);
        known_.insert(missing_.begin(), missing_.end());
    }
    const std::set<std::string>& services() const { return known_; }
    Result<> check() const {
        for (const std::string& name : named_) {
            if (known_.contains(name)) continue;
            std::vector<std::string_view> names(known_.begin(), known_.end());
            auto near = did_you_mean(name, names);
            return fail(Error(Code::not_found, "no such service: " + name)
                            .with_hint(near ? "did you mean " + *near + "?" : "crank status"));
        }
        return {};
    }
    bool shows(const std::string& service) const {
        return named_.empty() || std::ranges::find(named_, service) != named_.end();
    }

    Result<std::vector<Json>> all(const deploy::Sight& sight) {
        std::vector<Json> rows;
        for (std::size_t i = 0; i < sight.containers.size(); i++) {
            const std::string& service = sight.observed.containers[i].service;
            std::erase(missing_, service);
            if (shows(service)) rows.push_back(row_of(sight.containers[i], service));
        }
        for (std::size_t i = 0; i < sight.warm.size(); i++) {
            Json row = row_of(sight.warm[i], sight.observed.warm[i].service);
            row["Status"] = "kept frozen, for a rollback";
            row["Ports"] = "";
            if (shows(sight.observed.warm[i].service)) rows.push_back(std::move(row));
        }
        for (const std::string& service : missing_)
            if (shows(service))
                rows.push_back({{"Name", ""},
                                {"Service", service},
                                {"Image", ""},
                                {"Status", "not there"},
                                {"Ports", ""},
                                {"ID", ""}});
        TRY(sort_rows("name", kColumns, rows));
        TRY(sort_rows("service", kColumns, rows));
        return rows;
    }

private:
    std::vector<std::string> named_, missing_;
    std::set<std::string> known_;
};

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string name = TRY(project_name(arguments));
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, name));
    Rows rows(arguments, sight);
    TRY(rows.check());
    if (arguments.on("services")) {
        for (const std::string& service : rows.services())
            if (rows.shows(service)) print_line(service);
        return 0;
    }
    if (arguments.on("quiet")) {
        for (std::size_t i = 0; i < sight.containers.size(); i++)
            if (rows.shows(sight.observed.containers[i].service))
                print_line(sight.containers[i].record.id);
        return 0;
    }
    print(TRY(format_list(arguments.value("format"), kColumns, TRY(rows.all(sight)))));
    tell_release(TRY(deploy::list_releases(invocation.paths, name)));
    tell_lock(invocation.paths, name);
    return 0;
}

}  // namespace

constinit const Verb kStatus = {
    .name = "status",
    .summary = "show how the services of a compose project stand",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[SERVICE...]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
