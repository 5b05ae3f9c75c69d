#include "cli/audited.h"

#include <array>

#include "base/text.h"
#include "cli/output.h"
#include "cli/performer.h"
#include "deploy/records.h"
#include "deploy/releases.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr std::size_t kMostError = 1000;  // of its bytes: a worker's last lines are in it

std::string new_id() {
    std::array<std::uint8_t, 8> bytes = {};
    // Without randomness the time will do: it is told apart from others of this project alone.
    if (!sys::fill_random(bytes)) return std::to_string(sys::wall_clock_ns());
    return to_hex(bytes);
}

// What is to be there; 0: nothing.
std::int64_t present(const engine::Paths& paths, const std::string& project) {
    auto releases = deploy::list_releases(paths, project);
    const deploy::Release* release = releases ? deploy::present_release(*releases) : nullptr;
    return release == nullptr || deploy::Records(paths, project).is_down() ? 0 : release->number;
}

std::int64_t last(const engine::Paths& paths, const std::string& project) {
    auto releases = deploy::list_releases(paths, project);
    return releases && !releases->empty() ? releases->back().number : 0;
}

}  // namespace

Audited::Audited(const engine::Paths& paths, std::string project, std::string what,
                 std::string message)
    : paths_(paths),
      project_(std::move(project)),
      entry_{.id = new_id(),
             .at_ns = sys::wall_clock_ns(),
             .who = performer(),
             .what = std::move(what),
             .message = std::move(message),
             .before = present(paths_, project_)},
      last_(last(paths_, project_)) {}

void Audited::begin() {
    if (begun_) return;
    begun_ = true;
    add(sys::Sync::no);
}

void Audited::end(const Result<>& done) {
    if (done && !begun_) return;
    std::int64_t now = last(paths_, project_);
    entry_.after = now > last_ ? now : entry_.before;
    if (done && gone_) entry_.after = 0;
    entry_.end = done ? deploy::AuditEntry::End::good : deploy::AuditEntry::End::failed;
    if (!done) entry_.error = done.error().text().substr(0, kMostError);
    add(sys::Sync::yes);
}

void Audited::add(sys::Sync sync) {
    Result<> added = deploy::add_audit_entry(paths_, project_, entry_, sync);
    if (added || warned_) return;
    warned_ = true;
    warn("nothing was written for crank audit: " + added.error().text());
}

}  // namespace crank::cli
