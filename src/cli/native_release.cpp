#include "cli/native_release.h"

#include "build/context_copy.h"
#include "cli/output.h"
#include "deploy/native_releases.h"
#include "engine/native/environment.h"
#include "engine/project_labels.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::cli {
namespace {

constexpr int kStdout = 1, kStderr = 2;

Result<build::ContextCopy> read_source(const compose::Service& service) {
    const compose::NativeOptions& native = *service.native();
    bool built = native.directory.empty();
    const std::string& source = built ? service.build->context : native.directory;
    if (source.contains("://") || source.starts_with("git@"))
        return fail(Code::unsupported,
                    "the context " + source + ": one from the network is not supported yet");
    if (Result<sys::FileInfo> info = sys::stat(source); !info || !info->is_dir())
        return fail(Error(Code::not_found, "there is no directory " + source)
                        .with_hint("x-crank.native.directory, or else build.context"));
    // An absolute one may lie anywhere, and has no ignore file in the context.
    bool named = built && !service.build->dockerfile.starts_with('/');
    return build::ContextCopy::read(TRY(sys::real_path(source)),
                                    named ? service.build->dockerfile : "",
                                    [](const std::string& text) { warn(text); });
}

// Of all that makes the directory what it is.
std::string id_of(const build::ContextCopy& source, const compose::NativeOptions& native) {
    std::string text = "native 1\n" + source.digest().str() + "\n";
    for (const std::string& line : native.setup)
        text += std::to_string(line.size()) + ":" + line + "\n";
    return oci::Digest::of(text).str();
}

Result<> set_up(const std::string& directory, const std::string& project, const std::string& line) {
    sys::UniqueFd nothing = TRY(sys::open("/dev/null", sys::kReadOnly));
    sys::SpawnRequest request{.path = "/bin/sh", .args = {"sh", "-ec", line}};
    request.env =
        engine::native::surrounding_environment({{std::string(engine::kProjectLabel), project}});
    request.working_dir = directory;
    // What it prints is progress.
    request.fds = {{nothing.get(), 0}, {kStderr, kStdout}, {kStderr, kStderr}};
    sys::Child child = TRY(sys::spawn(request));
    int code = TRY(child.wait()).shell_code();
    if (code == 0) return {};
    return fail(Error(Code::failed_precondition,
                      "'" + line + "' ended with exit code " + std::to_string(code))
                    .with_hint("what it printed stands above; its directory has been removed"));
}

Result<> make(const deploy::NativeReleases& releases, const std::string& id,
              const build::ContextCopy& source, const std::string& project,
              const compose::NativeOptions& native) {
    std::string directory = TRY(releases.begin(id));
    TRY(source.copy_to(directory));
    for (const std::string& line : native.setup)
        TRY_IN(set_up(directory, project, line), "x-crank.native.setup");
    return {};
}

Result<> prepare(const engine::Paths& paths, const std::string& project,
                 const compose::Service& service) {
    auto releases = TRY(deploy::NativeReleases::of(paths, project, service.name));
    build::ContextCopy source = TRY(read_source(service));
    std::string id = id_of(source, *service.native());
    if (!releases.has(id)) {
        Result<> made = make(releases, id, source, project, *service.native());
        if (!made) {
            releases.discard(id);
            return made;
        }
    }
    return releases.finish(id);
}

}  // namespace

Result<> prepare_native(const engine::Paths& paths, const std::string& project,
                        const compose::Service& service) {
    TRY_IN(prepare(paths, project, service), "services." + service.name);
    return {};
}

}  // namespace crank::cli
