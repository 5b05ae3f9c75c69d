// Who has done what to a project: ROOT/audit/NAME, lines of JSON that are only ever added.
//
// Releases say what a project was, the last of them, to go back to; this says which commands
// changed it, those that made no release too, and stays when the project goes. A command adds a
// line before its first change and one when it has ended: where the second is missing it was
// killed, or is at it. Past kMaxAuditFile bytes the file becomes NAME.1, and what was that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "deploy/who.h"
#include "engine/paths.h"
#include "sys/file.h"

namespace crank::deploy {

inline constexpr std::int64_t kMaxAuditFile = std::int64_t{256} << 10;

struct AuditEntry {
    enum class End : std::uint8_t { none, good, failed };
    std::string id;          // the same of both lines
    std::int64_t at_ns = 0;  // when it began, CLOCK_REALTIME
    Who who = {};
    std::string what;                    // "deploy", "rollback to 3", "lock"
    std::string message = {};            // why, as somebody said it
    std::int64_t before = 0, after = 0;  // releases; 0: none
    End end = End::none;
    std::string error = {};
    bool operator==(const AuditEntry&) const = default;
};
std::string serialize(const AuditEntry& entry);
// Nothing for what is no such line: a write that a full disk cut short.
std::optional<AuditEntry> parse_audit_entry(std::string_view line);
// Pure. Of each command its last line, in the order in which they began.
std::vector<AuditEntry> entries_of(std::string_view lines);

Result<> add_audit_entry(const engine::Paths& paths, const std::string& project,
                         const AuditEntry& entry, sys::Sync sync);
// The oldest first; none is no error.
Result<std::vector<AuditEntry>> list_audit(const engine::Paths& paths, const std::string& project);

}  // namespace crank::deploy
