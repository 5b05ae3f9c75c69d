#include "cli/watch_sources.h"

#include <algorithm>

#include "base/text.h"
#include "build/source_tree.h"
#include "cli/output.h"
#include "sys/file.h"
#include "sys/walk.h"

namespace crank::cli {
namespace {

using Action = WatchedPath::Action;

bool is_foreign(const std::string& context) {
    return context.contains("://") || context.starts_with("git@") ||
           context.starts_with("service:") || context.starts_with("github.com/");
}

std::string parent_of(const std::string& path) {
    return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

// Links on the way are followed, as whoever wrote the path means; what is missing may still come.
Result<std::string> resolved(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    Result<std::string> real = sys::real_path(path);
    if (real || real.error().code() != Code::not_found) return real;
    Result<std::string> parent = sys::real_path(parent_of(path));
    if (!parent) return fail(Code::not_found, "there is no directory " + parent_of(path));
    return (*parent == "/" ? "" : *parent) + path.substr(path.rfind('/'));
}

class Reading {
public:
    explicit Reading(const LoadedProject& project) : project_(project) {}

    Result<WatchedProject> run(const std::set<std::string>& services) {
        result_.selected = services;
        for (const std::string& file : project_.sources)
            if (file.starts_with('/')) define(file);
        define(project_.types.directory + "/.env");
        for (const compose::Service& service : project_.types.services)
            if (services.contains(service.name))
                TRY_IN(this->service(service), "services." + service.name);
        for (const WatchedPath& path : result_.paths) result_.services.insert(path.service);
        return std::move(result_);
    }

private:
    struct Context {
        std::string directory;
        dockerfile::IgnoreMatcher ignore;
    };

    void define(const std::string& file) {
        if (Result<std::string> path = resolved(file)) result_.definitions.insert(*path);
    }

    Result<> service(const compose::Service& service) {
        std::optional<Context> context = TRY(context_of(service));
        if (!service.watch.empty()) return rules(service, context);
        if (service.native() != nullptr && !deploy::has_directory(service)) return {};
        if (!context) return {};
        add_directory(service.name, *context);
        return service.native() != nullptr ? Result<>()
                                           : build_inputs(service.name, *service.build);
    }

    void add_directory(const std::string& service, const Context& context) {
        result_.paths.push_back({.service = service,
                                 .path = context.directory,
                                 .context = context.directory,
                                 .context_ignore = context.ignore});
    }
    // Whatever an ignore file says of it.
    Result<> add_file(const std::string& service, const std::string& path) {
        result_.paths.push_back({.service = service, .path = TRY(resolved(path))});
        return {};
    }

    // Nothing: it is built from nothing of this machine's.
    Result<std::optional<Context>> context_of(const compose::Service& service) {
        const compose::NativeOptions* native = service.native();
        bool own = native != nullptr && !native->directory.empty();
        if (!own && !service.build) return std::nullopt;
        const std::string& directory = own ? native->directory : service.build->context;
        if (!own && is_foreign(directory)) {
            warn("services." + service.name + ".build: what changes in " + directory +
                 " is not heard of");
            return std::nullopt;
        }
        return TRY_IN(open_context(directory, own ? "" : dockerfile_of(*service.build)),
                      own ? "x-crank.native.directory" : "build.context");
    }

    Result<Context> open_context(const std::string& directory, const std::string& dockerfile) {
        Result<sys::FileInfo> info = sys::stat(directory);
        if (!info || !info->is_dir())
            return fail(Code::not_found, "there is no directory " + directory);
        std::string real = TRY(sys::real_path(directory));
        for (const char* name : {"/.dockerignore", "/.containerignore"}) define(real + name);
        if (!dockerfile.empty()) define(dockerfile + ".dockerignore");
        build::SourceTree tree =
            TRY(build::SourceTree::open_context(real, {.dockerfile = dockerfile, .named = ""}));
        return Context{std::move(real), tree.ignore()};
    }

    // "": it is in the compose file.
    static std::string dockerfile_of(const compose::Build& build) {
        if (build.dockerfile_inline) return "";
        if (build.dockerfile.starts_with('/')) return build.dockerfile;
        std::string path = build.context + "/" + build.dockerfile;
        std::string other = build.context + "/Containerfile";
        bool renamed = build.dockerfile == "Dockerfile" && !sys::exists(path) && sys::exists(other);
        return renamed ? other : path;
    }

    // What it reads beside its context.
    Result<> build_inputs(const std::string& name, const compose::Build& build) {
        std::string dockerfile = dockerfile_of(build);
        if (!dockerfile.empty()) TRY_IN(add_file(name, dockerfile), "build.dockerfile");
        for (const auto& [key, value] : build.contexts) {
            if (is_foreign(value)) continue;
            Context other = TRY_IN(open_context(value, ""), "build.additional_contexts." + key);
            add_directory(name, other);
        }
        return {};
    }

    Result<> rules(const compose::Service& service, const std::optional<Context>& context) {
        for (std::size_t i = 0; i < service.watch.size(); i++) {
            std::string place = "develop.watch[" + std::to_string(i) + "]";
            WatchedPath watched = TRY_IN(rule(service, i), place);
            if (context) {
                watched.context = context->directory;
                watched.context_ignore = context->ignore;
            }
            if (is_left_out(watched))
                warn("services." + service.name + "." + place + ": " + watched.path +
                     " is left out by the ignore file of the build: nothing of it is watched");
            result_.paths.push_back(std::move(watched));
        }
        return {};
    }

    Result<WatchedPath> rule(const compose::Service& service, std::size_t index) {
        const compose::WatchRule& rule = service.watch[index];
        WatchedPath watched{
            .service = service.name,
            .action = rule.action,
            .path = TRY(resolved(rule.path)),
            .target = rule.target,
            .rule = index,
            .initial_sync = rule.initial_sync,
            .ignore = TRY_IN(dockerfile::IgnoreMatcher::of_patterns(rule.ignore), "ignore")};
        if (watched.path == "/") return fail(Code::invalid_argument, "/ is no source");
        if (!rule.include.empty())
            watched.include =
                TRY_IN(dockerfile::IgnoreMatcher::of_patterns(rule.include), "include");
        if (service.native() != nullptr) use_release(service, watched);
        return watched;
    }

    // A process has no files of its own to copy into: its release is made again, or it starts anew
    // where it runs in the sources themselves.
    static void use_release(const compose::Service& service, WatchedPath& watched) {
        if (!copies(watched.action) && watched.action != Action::rebuild) return;
        bool again = deploy::has_directory(service);
        if (copies(watched.action))
            warn("services." + service.name + ".develop.watch[" + std::to_string(watched.rule) +
                 "]: it runs natively: a change of " + watched.path + " " +
                 (again ? "makes its directory again" : "starts it again"));
        watched.action = again ? Action::rebuild : Action::restart;
        watched.initial_sync = false;
    }

    static bool is_left_out(const WatchedPath& watched) {
        std::string prefix = watched.context + "/";
        return !watched.context.empty() && watched.path.starts_with(prefix) &&
               watched.context_ignore.prune(watched.path.substr(prefix.size()));
    }

    const LoadedProject& project_;
    WatchedProject result_;
};

}  // namespace

Result<WatchedProject> read_watched(const LoadedProject& project,
                                    const std::set<std::string>& services) {
    return Reading(project).run(services);
}

Result<std::set<std::string>> files_of(const WatchedPath& watched) {
    std::set<std::string> files;
    std::vector<std::string> stack;
    Result<sys::FileInfo> top = sys::lstat(watched.path);
    if (!top) return files;  // it may still come
    if (top->is_dir())
        stack.push_back(watched.path);
    else
        files.insert(watched.path);
    while (!stack.empty()) {
        std::string directory = std::move(stack.back());
        stack.pop_back();
        if (!enters({&watched, 1}, directory)) continue;
        sys::UniqueFd fd = TRY(sys::open_dir(directory));
        for (const sys::DirEntry& entry : TRY(sys::read_dir(fd.get(), directory))) {
            std::string path = directory + "/" + entry.name;
            if (entry.kind == sys::FileKind::directory)
                stack.push_back(std::move(path));
            else if (concerns(watched, path))
                files.insert(std::move(path));
        }
    }
    return files;
}

}  // namespace crank::cli
