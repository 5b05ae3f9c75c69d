#include "build/bootstrap.h"

#include <algorithm>

#include "base/text.h"
#include "build/apt_sources.h"
#include "build/bytecode.h"
#include "build/execute.h"
#include "build/image_config.h"
#include "build/program.h"
#include "build/rootfs.h"
#include "build/workspace.h"
#include "sys/file.h"

namespace crank::build {

namespace {

using Clock = std::chrono::steady_clock;

// As python:3.11-slim has them; usr-is-merged keeps usrmerge and with it Perl's library out.
constexpr std::string_view kPackages =
    "usr-is-merged,python3,python3-pip,ca-certificates,netbase,tzdata";
constexpr std::string_view kHooks = "/usr/share/mmdebstrap/hooks/merged-usr";
constexpr std::string_view kDefaultPath = "/usr/sbin:/usr/bin:/sbin:/bin";

std::string value_of(const BootstrapRequest& request, const std::string& name) {
    auto found = request.environment.find(name);
    return found == request.environment.end() ? "" : found->second;
}

Result<std::vector<AptSource>> sources_of(const BootstrapRequest& request) {
    if (!request.mirror.empty()) return std::vector<AptSource>{{request.mirror, request.suite}};
    TRY(host_mirror(request.suite));
    return sources_for(host_apt_sources(), request.suite);
}

std::string programs_path(const BootstrapRequest& request) {
    std::string path = value_of(request, "PATH");
    return path.empty() ? std::string(kDefaultPath) : path + ":" + std::string(kDefaultPath);
}

// What mmdebstrap is told. Options of dpkg and apt are kept in the image and hold for later
// installations too: no manual pages and translations.
std::vector<std::string> options_of(std::string_view path, const std::string& target,
                                    const std::string& suite, std::span<const AptSource> sources) {
    std::vector<std::string> args{std::string(path),
                                  "--mode=root",
                                  "--variant=minbase",
                                  "--format=directory",
                                  "--hook-dir=" + std::string(kHooks),
                                  "--include=" + std::string(kPackages)};
    args.emplace_back("--aptopt=APT::Install-Recommends \"false\"");
    for (const char* option :
         {"path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
          "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
          "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED", "force-unsafe-io"})
        args.push_back("--dpkgopt=" + std::string(option));
    args.push_back(suite);
    args.push_back(target);
    for (const AptSource& source : sources)
        args.push_back("deb " + source.uri + " " + source.suite + " main");
    return args;
}

// In a process namespace of its own, which dies with its first process, which dies with us:
// whatever dpkg had started is gone when a bootstrap was cancelled or killed.
Result<sys::SpawnRequest> command_of(const BootstrapRequest& request, const std::string& target,
                                     const std::string& scratch, std::span<const AptSource> sources,
                                     std::int64_t epoch) {
    std::string path = programs_path(request);
    std::string program = find_program("mmdebstrap", path);
    std::string setpriv = find_program("setpriv", path);
    if (program.empty())
        return fail(Error(Code::unsupported, "mmdebstrap is not installed")
                        .with_hint("apt-get install mmdebstrap"));
    if (setpriv.empty() || find_program("unshare", path).empty())
        return fail(Error(Code::unsupported, "setpriv and unshare are not installed")
                        .with_hint("apt-get install util-linux"));
    sys::SpawnRequest spawn;
    spawn.path = setpriv;
    spawn.args = {"setpriv", "--pdeathsig", "KILL",         "--",           "unshare", "--mount",
                  "--pid",   "--fork",      "--kill-child", "--mount-proc", "--"};
    for (std::string& arg : options_of(program, target, request.suite, sources))
        spawn.args.push_back(std::move(arg));
    spawn.env = {"PATH=" + path,      "HOME=/root",
                 "LC_ALL=C.UTF-8",    "SOURCE_DATE_EPOCH=" + std::to_string(epoch),
                 "TMPDIR=" + scratch, "DEBIAN_FRONTEND=noninteractive"};
    for (const char* name :
         {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})
        if (std::string value = value_of(request, name); !value.empty())
            spawn.env.push_back(std::string(name) + "=" + value);
    spawn.working_dir = "/";
    return spawn;
}

class Bootstrap {
public:
    Bootstrap(const BootstrapRequest& request, store::Store& store)
        : request_(request),
          store_(store),
          epoch_(request.source_date_epoch.value_or(kDefaultEpoch)) {}

    Result<BootstrapOutcome> run() {
        oci::Reference reference = TRY(oci::Reference::parse(request_.reference));
        if (!request_.host.root)
            return fail(
                Error(Code::permission_denied, "making a Debian image needs the rights of root")
                    .with_hint("sudo crank image bootstrap"));
        std::vector<AptSource> sources = TRY(sources_of(request_));
        Workspace workspace = TRY(Workspace::create(store_, {}));
        TRY(step("mmdebstrap " + request_.suite + " from " + sources.front().uri,
                 [&] { return install(workspace, sources); }));
        RootfsFacts facts = TRY(clean_rootfs(workspace.upper(), request_.suite));
        TRY(step("recompile byte code", [&] { return compile(workspace); }));
        return finish(std::move(workspace), reference, facts, sources.front().uri);
    }

private:
    template <class Action>
    Result<> step(std::string text, Action action) {
        StepInfo info{.id = next_id_++, .text = std::move(text)};
        auto started = Clock::now();
        report(StepStarted{info});
        Result<> done = action();
        report(StepFinished{info.id, false, !done.has_value(), Clock::now() - started});
        return done;
    }

    Result<> install(const Workspace& workspace, std::span<const AptSource> sources) {
        sys::SpawnRequest command =
            TRY(command_of(request_, workspace.upper(), workspace.scratch(), sources, epoch_));
        OutputTail tail;
        auto output = [&](bool error_stream, std::string_view text) {
            tail.add(text);
            report(StepOutput{next_id_ - 1, error_stream, text});
        };
        sys::WaitStatus status = TRY(run_program(std::move(command), request_.cancel_fd, output));
        if (status.shell_code() == 0) return {};
        std::string message =
            "mmdebstrap ended with exit code " + std::to_string(status.shell_code());
        for (const std::string& line : tail.lines()) message += "\n      | " + line;
        return fail(Error(Code::step_failed, std::move(message))
                        .with_hint("check the mirror, or name another with --mirror URL"));
    }

    Result<> compile(const Workspace& workspace) {
        TidyReport tidied = TRY(workspace.tidy());
        network::BridgeConfig none;
        ContainerHost host{&request_.host, &none, nullptr, request_.cancel_fd};
        RecompileReport compiled = TRY(recompile(workspace, tidied.bytecode, {}, host));
        for (std::string& warning : compiled.warnings) report(Note{std::move(warning)});
        return {};
    }

    Result<BootstrapOutcome> finish(Workspace workspace, const oci::Reference& reference,
                                    const RootfsFacts& facts, const std::string& mirror) {
        store::Layer layer = TRY(std::move(workspace).commit(store_, {.clamp_mtime = epoch_}));
        oci::ImageConfig image = image_of(facts);
        image.diff_ids = {layer.diff_id};
        std::string json = oci::serialize(image);
        BootstrapOutcome outcome{.id = oci::Digest::of(json),
                                 .reference = reference.str(),
                                 .mirror = mirror,
                                 .packages = facts.packages};
        auto before = store_.find(outcome.reference);
        outcome.unchanged = before && before->id == outcome.id;
        if (!outcome.unchanged) {
            TRY(store_.add_image(json));
            TRY(store_.tag(reference, outcome.id));
        }
        report(ImageWritten{outcome.id, {outcome.reference}});
        return outcome;
    }

    oci::ImageConfig image_of(const RootfsFacts& facts) const {
        oci::ImageConfig image;
        image.created = time_text(epoch_);
        image.platform = {request_.host.architecture, "linux", ""};
        image.config.env = {"PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "LANG=C.UTF-8", "PYTHON_VERSION=" + facts.python_version};
        image.config.cmd = {"python3"};
        image.history = {{.created = image.created,
                          .created_by = "crank image bootstrap --suite " + request_.suite,
                          .comment = "",
                          .empty_layer = false}};
        return image;
    }

    void report(const Progress& event) const {
        if (request_.progress) request_.progress(event);
    }

    const BootstrapRequest& request_;
    store::Store& store_;
    std::int64_t epoch_;
    std::size_t next_id_ = 0;
};

}  // namespace

Result<BootstrapOutcome> bootstrap(const BootstrapRequest& request, store::Store& store) {
    return Bootstrap(request, store).run();
}

}  // namespace crank::build
