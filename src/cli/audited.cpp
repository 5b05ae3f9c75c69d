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

std::int64_t last(const std::vector<deploy::Release>& releases) {
    return releases.empty() ? 0 : releases.back().number;
}

}  // namespace

Audited::Audited(const engine::Paths& paths, std::string project, std::string what,
                 std::string message)
    : paths_(paths),
      project_(std::move(project)),
      entry_{.id = {},
             .at_ns = sys::wall_clock_ns(),
             .what = std::move(what),
             .message = std::move(message)} {}

void Audited::look() {
    if (!entry_.id.empty()) return;
    entry_.id = new_id();
    entry_.who = performer();
    // One that cannot be read is said by whoever needs it.
    auto releases = deploy::list_releases(paths_, project_);
    if (!releases) return;
    last_ = last(*releases);
    const deploy::Release* present = deploy::present_release(*releases);
    if (present != nullptr && !deploy::Records(paths_, project_).is_down())
        entry_.before = present->number;
}

void Audited::begin() {
    if (begun_) return;
    begun_ = true;
    look();
    add(sys::Sync::no);
}

void Audited::end(const Result<>& done) {
    if (done && !begun_) return;
    look();
    auto releases = deploy::list_releases(paths_, project_);
    std::int64_t now = releases ? last(*releases) : last_;
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
