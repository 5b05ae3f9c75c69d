// image bootstrap.
#include "build/bootstrap.h"

#include <csignal>

#include "cli/build_image.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "runtime/host.h"
#include "store/store.h"
#include "sys/signals.h"

namespace crank::cli {
namespace {

constexpr Flag kBootstrapFlags[] = {
    {"mirror", 0, FlagKind::value, "URL", "Debian mirror (the one of this machine's apt)"},
    {"suite", 0, FlagKind::value, "NAME", "Debian release (bookworm)"},
    {"tag", 't', FlagKind::value, "NAME[:TAG]", "name of the image"},
    {"quiet", 'q', FlagKind::boolean, "", "print the image's id alone"},
    {"progress", 0, FlagKind::value, "MODE", "auto, plain, tty or quiet"},
};
constexpr std::string_view kBootstrapExamples[] = {
    "crank image bootstrap",
    "crank config set alias.python:3.11-slim localhost/crank/python:3.11-slim",
};

Result<int> perform_bootstrap(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    build::BootstrapRequest request;
    request.mirror = arguments.value("mirror");
    request.suite = arguments.value("suite", request.suite);
    request.reference = arguments.value("tag", request.reference);
    request.source_date_epoch = TRY(source_date_epoch());
    request.environment = environment_map();
    request.state_dir = invocation.paths.state;
    request.host = TRY(runtime::probe_host());
    request.progress = make_progress(TRY(read_progress(arguments)));
    std::optional store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    request.cancel_fd = signals.fd();
    build::BootstrapOutcome outcome = TRY(build::bootstrap(request, *store));
    if (!arguments.on("quiet"))
        note(outcome.reference + (outcome.unchanged ? " is up to date: " : " made: ") +
             std::to_string(outcome.packages) + " packages from " + outcome.mirror);
    print_line(outcome.id.str());
    store.reset();
    TRY(keep_storage_limit(invocation.paths));
    return 0;
}

}  // namespace

constinit const Verb kImageBootstrap = {
    .name = "image bootstrap",
    .summary = "make a Debian image with Python, without a registry",
    .group = Group::images,
    .syntax = {.flags = kBootstrapFlags},
    .examples = kBootstrapExamples,
    .rights = Rights::required,
    .perform = perform_bootstrap,
};

}  // namespace crank::cli
