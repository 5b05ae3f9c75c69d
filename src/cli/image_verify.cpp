// image verify.
#include "base/text.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/transfer_progress.h"
#include "cli/verbs.h"
#include "store/store.h"
#include "transfer/repair.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"repair", 0, FlagKind::boolean, "",
     "from another copy in the store, or from the registry that the image came from"},
    {"quiet", 'q', FlagKind::boolean, "", "the damage alone"},
    {"tls-verify", 0, FlagKind::boolean, "",
     "--tls-verify=false: take any certificate, and plain http"},
};
constexpr std::string_view kExamples[] = {"crank image verify",
                                          "crank image verify --repair crank-worker-base"};

void show(const store::Damage& damage) {
    std::string line = (damage.repaired ? "repaired: " : "damaged: ") + damage.what;
    if (!damage.images.empty()) line += " (" + join(damage.images, ", ") + ")";
    print_line(line);
    if (damage.repaired) return;
    bool has_name = !damage.images.empty() && !damage.images.front().starts_with("sha256:");
    if (damage.images.empty())
        note("hint: only the build cache has it: the next build makes it again");
    else if (!has_name)
        note("hint: load or build the image again: that puts a sound one in its place");
    else
        note("hint: crank pull " + damage.images.front() +
             ", or load or build it again: that puts a sound one in its place");
}

Result<> repair_from_registries(const Arguments& arguments, store::Store& store,
                                store::VerifyReport& report) {
    if (!TRY(transfer::can_repair(store, report))) return {};
    transfer::Connection connection{TRY(find_crank_net()),
                                    arguments.find_switch("tls-verify").value_or(true),
                                    make_transfer_progress(Direction::pull, arguments.on("quiet"))};
    for (const std::string& reason : TRY(transfer::repair(store, connection, report)))
        warn("not repaired from " + reason);
    return {};
}

Result<int> perform_verify(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    auto repair = arguments.on("repair") ? store::Repair::yes : store::Repair::no;
    store::VerifyReport report = TRY(store.verify(arguments.words(), repair));
    if (repair == store::Repair::yes) TRY(repair_from_registries(arguments, store, report));
    bool stays = false;
    for (const store::Damage& damage : report.damage) {
        show(damage);
        stays |= !damage.repaired;
    }
    if (!arguments.on("quiet"))
        print_line("Verified: " + std::to_string(report.images) + " images, " +
                   std::to_string(report.layers) + " layers, " + std::to_string(report.files) +
                   " files" + (report.damage.empty() ? ", no damage" : ""));
    return stays ? 1 : 0;
}

}  // namespace

constinit const Verb kImageVerify = {
    .name = "image verify",
    .summary = "prove images against their digests",
    .group = Group::images,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[IMAGE...]"},
    .examples = kExamples,
    .rights = Rights::ids,
    .perform = perform_verify,
};

}  // namespace crank::cli
