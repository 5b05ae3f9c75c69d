#include "cli/release_logs.h"

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "cli/log_lines.h"
#include "cli/output.h"
#include "cli/project_up.h"
#include "deploy/desired.h"
#include "deploy/kept_logs.h"
#include "deploy/releases.h"
#include "engine/lifecycle.h"

namespace crank::cli {
namespace {

// Of one container, wherever it lies.
struct Source {
    std::string name, service;
    std::int64_t created_ns = 0;
    std::function<Result<>(const engine::LogQuery&, const engine::LogSink&)> read;
};

Source there(const engine::Paths& paths, engine::Container container) {
    return {.name = deploy::place_name(container.record),
            .service = deploy::label_of(container.record.labels, deploy::kServiceLabel),
            .created_ns = container.record.created_ns,
            .read = [&paths, container = std::move(container)](const engine::LogQuery& query,
                                                               const engine::LogSink& sink) {
                return engine::read_logs(paths, container, query, sink);
            }};
}

Source gone(const deploy::KeptLog& log) {
    return {.name = log.name,
            .service = log.service,
            .created_ns = log.created_ns,
            .read = [path = log.path](const engine::LogQuery& query, const engine::LogSink& sink) {
                return engine::read_ended_log(path, query, sink);
            }};
}

// In the order in which they were made. One that wrote nothing and is gone has left nothing.
Result<std::vector<Source>> sources_of(const engine::Paths& paths, const deploy::Release& release) {
    if (release.containers.empty() && !release.services.empty())
        return fail(Error(Code::failed_precondition, "release " + std::to_string(release.number) +
                                                         " does not say which containers it had")
                        .with_hint("crank logs NAME: of one that is there"));
    std::vector<Source> sources;
    std::vector<deploy::KeptLog> kept = deploy::kept_logs(paths, release.project);
    for (const std::string& id : release.containers) {
        Result<engine::Container> container = engine::find(paths, id);
        if (container) {
            sources.push_back(there(paths, std::move(*container)));
            continue;
        }
        if (container.error().code() != Code::not_found) return fail(std::move(container).error());
        auto log = std::ranges::find(kept, id, &deploy::KeptLog::id);
        if (log != kept.end()) sources.push_back(gone(*log));
    }
    std::ranges::sort(sources, {}, &Source::created_ns);
    return sources;
}

Result<> check_services(const deploy::Release& release, const std::vector<std::string>& wanted) {
    std::vector<std::string> names;
    for (const deploy::ReleasedService& service : release.services) names.push_back(service.name);
    for (const std::string& service : wanted)
        if (std::ranges::find(names, service) == names.end())
            return fail(Error(Code::not_found, "release " + std::to_string(release.number) +
                                                   " has no service " + service)
                            .with_hint("its services: " + join(names, ", ")));
    return {};
}

Result<deploy::Release> wanted_release(const Invocation& invocation) {
    std::string text = invocation.arguments.value("release");
    auto number = parse_int(text);
    if (!number || *number < 1)
        return fail(Error(Code::usage, "--release: invalid number \"" + text + "\"")
                        .with_hint("crank releases has them"));
    std::string project = TRY(project_name(invocation.arguments));
    return deploy::choose_release(TRY(deploy::list_releases(invocation.paths, project)), number);
}

}  // namespace

Result<int> print_release_logs(const Invocation& invocation, const engine::LogQuery& query) {
    const Arguments& arguments = invocation.arguments;
    deploy::Release release = TRY(wanted_release(invocation));
    TRY(check_services(release, arguments.words()));
    std::vector<Source> sources = TRY(sources_of(invocation.paths, release));
    const std::vector<std::string>& wanted = arguments.words();
    std::erase_if(sources, [&](const Source& source) {
        return !wanted.empty() && std::ranges::find(wanted, source.service) == wanted.end();
    });
    bool plain = arguments.knows("no-log-prefix") && arguments.on("no-log-prefix");
    return print_logs(sources.size(), query.follow, invocation.debug, [&](std::size_t i) {
        LogPrinter printer(arguments.on("timestamps"), plain ? "" : sources[i].name + " ");
        return sources[i].read(query,
                               [&](const engine::LogLine& line) { return printer.print(line); });
    });
}

}  // namespace crank::cli
