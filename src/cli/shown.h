// How containers and times look in tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/state.h"

namespace crank::cli {

// "Up 2 minutes", "Exited (137) 3 seconds ago", "Created".
std::string status_text(const engine::Container& container);
// "running", "exited", "created": Docker's words.
std::string_view state_word(const engine::State& state);
// "127.0.0.1:8501->8501/tcp, [::1]:8501->8501/tcp"
std::string ports_text(const engine::Record& record);
std::string age_text(std::int64_t since_ns);  // "2 minutes"
std::string time_text(std::int64_t ns);       // "2026-01-02 03:04:05 +0000 UTC"
std::string rfc3339(std::int64_t ns);         // 0: Docker's year 1
// "2026-01-02T03:04:05.006Z", also with an offset. Nothing: it is no such time.
std::optional<std::int64_t> parse_rfc3339(const std::string& text);

}  // namespace crank::cli
