// image verify.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "store/store.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"repair", 0, FlagKind::boolean, "", "from another copy in the store, where there is one"},
    {"quiet", 'q', FlagKind::boolean, "", "the damage alone"},
};
constexpr std::string_view kExamples[] = {"crank image verify",
                                          "crank image verify --repair crank-worker-base"};

void show(const store::Damage& damage) {
    std::string line = (damage.repaired ? "repaired: " : "damaged: ") + damage.what;
    if (!damage.images.empty()) line += " (" + join(damage.images, ", ") + ")";
    print_line(line);
    if (damage.repaired) return;
    if (damage.images.empty())
        note("hint: only the build cache has it: the next build makes it again");
    else
        note("hint: crank pull " + damage.images.front() +
             ", or load or build it again: that puts a sound one in its place");
}

Result<int> perform_verify(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    store::Store store =
        TRY(store::Store::open(invocation.paths.root, store::OpenMode::read_write));
    auto repair = arguments.on("repair") ? store::Repair::yes : store::Repair::no;
    store::VerifyReport report = TRY(store.verify(arguments.words(), repair));
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
    .perform = perform_verify,
};

}  // namespace crank::cli
